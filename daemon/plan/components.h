/* components: option tables of the language's own maps, for the manual, and what else the plan asks of a component. */
#ifndef PLAN_COMPONENTS_H
#define PLAN_COMPONENTS_H
#include "../base/clock.h"
#include "build.h"
#include "../ops/steps.h"

const struct spate_option *plan_field_options(void);
const struct spate_option *plan_watermark_options(void);
const struct spate_option *plan_pipeline_options(void);
const struct spate_option *plan_trigger_options(void);
/* Whether the component's connector has `brokers: embedded`. */
bool plan_embedded(const struct conf_node *component, const char *kind);

#endif
