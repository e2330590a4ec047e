/*
 * hop_reference: the right answer of the hopping bench, by slices of a second for each auction.
 *
 *   hop_reference FILE OUT.csv MIN     OUT: auction,window start in ms,n,total,top for windows of 60 s every 1 s, n >=
 * MIN
 */
#include <simdjson.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "bench.h"

using namespace simdjson;

struct Slice {
  long n = 0, total = 0, top = 0;
};

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: hop_reference FILE OUT.csv MIN\n");
    return 2;
  }
  constexpr long SIZE = 60;
  const long least = atol(argv[3]);
  padded_string text = padded_string::load(argv[1]);
  std::unordered_map<long, std::map<long, Slice>> auctions;
  ondemand::parser parser;
  ondemand::document_stream records;
  double start = bench_now();
  if (parser.iterate_many(text, 1 << 20).get(records)) return 1;
  uint64_t count = 0;
  for (auto record : records) {
    long auction = int64_t(record["auction"]), price = int64_t(record["price"]);
    Slice &s = auctions[auction][int64_t(record["date_time"]) / 1000];
    s.n++;
    s.total += price;
    s.top = std::max(s.top, price);
    count++;
  }
  FILE *out = fopen(argv[2], "w");
  if (out == nullptr) bench_die(argv[2]);
  for (auto &[auction, slices] : auctions) {
    for (long w = slices.begin()->first - SIZE + 1; w <= slices.rbegin()->first; w++) {
      Slice sum;
      for (auto it = slices.lower_bound(w); it != slices.end() && it->first < w + SIZE; ++it) {
        sum.n += it->second.n;
        sum.total += it->second.total;
        sum.top = std::max(sum.top, it->second.top);
      }
      if (sum.n > 0 && sum.n >= least)
        fprintf(out, "%ld,%ld,%ld,%ld,%ld\n", auction, w * 1000, sum.n, sum.total, sum.top);
    }
  }
  fclose(out);
  bench_report(count, bench_now() - start, bench_cpu());
  return 0;
}
