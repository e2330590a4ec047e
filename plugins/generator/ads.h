/* ads: the events of the Yahoo streaming benchmark, and the table of its ads, as functions of the row's number. */
#ifndef GENERATOR_ADS_H
#define GENERATOR_ADS_H
#include "spate.h"

#define ADS_COUNT 1000
#define ADS_CAMPAIGNS 100
enum { ADS_EVENT_COLUMNS = 7, ADS_TABLE_COLUMNS = 2 };

extern const struct spate_field ADS_EVENT_FIELDS[ADS_EVENT_COLUMNS];
extern const struct spate_field ADS_TABLE_FIELDS[ADS_TABLE_COLUMNS];

struct ads_clock { /* event time of row i is start_us + i * step_us, less a disorder of at most disorder_us */
  int64_t start_us, disorder_us;
  double step_us;
};
/* Rows first .. first + rows - 1; rows is at most SPATE_BATCH_ROWS. Fills column[]; -1: no memory. */
int ads_events(const struct ads_clock *clock, int64_t first, uint32_t rows, struct spate_column **column);
int ads_table(int64_t first, uint32_t rows, struct spate_column **column);
#endif
