/*
 * ads_loop: the yardstick of the ads bench: simdjson On-Demand and a hash table over a file in memory, on one core.
 *
 *   ads_loop FILE TABLE.csv OUT.csv     OUT: campaign,window start in ms,views: the right answer, too
 */
#include <fcntl.h>
#include <simdjson.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bench.h"

using namespace simdjson;

namespace {

/* ad to campaign: open addressing, hashed over 16 of the 36 bytes of the UUID */
class Ads {
 public:
  std::vector<std::string> campaigns;

  explicit Ads(const char *path) : slots_(SLOTS) {
    std::unordered_map<std::string, int> seen;
    FILE *f = fopen(path, "r");
    if (f == nullptr) bench_die(path);
    char line[256];
    while (fgets(line, sizeof line, f) != nullptr) {
      std::string campaign(line + 37, 36);
      auto found = seen.emplace(campaign, static_cast<int>(campaigns.size()));
      if (found.second) campaigns.push_back(campaign);
      size_t i = place(line);
      while (slots_[i].campaign >= 0) i = (i + 1) % SLOTS;
      memcpy(slots_[i].key, line, 36);
      slots_[i].campaign = found.first->second;
    }
    fclose(f);
  }
  int find(std::string_view ad) const {
    if (ad.size() != 36) return -1;
    for (size_t i = place(ad.data()); slots_[i].campaign >= 0; i = (i + 1) % SLOTS)
      if (memcmp(slots_[i].key, ad.data(), 36) == 0) return slots_[i].campaign;
    return -1;
  }

 private:
  static constexpr size_t SLOTS = 4096;
  struct Slot {
    char key[36];
    int campaign = -1;
  };
  std::vector<Slot> slots_;
  static size_t place(const char *key) {
    uint64_t a, b;
    memcpy(&a, key, 8);
    memcpy(&b, key + 28, 8);
    return ((a * 0x9E3779B97F4A7C15ull) ^ (b * 0xC2B2AE3D27D4EB4Full)) >> 52;
  }
};

char *load(const char *path, size_t *size) {
  int fd = open(path, O_RDONLY);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0) bench_die(path);
  *size = static_cast<size_t>(st.st_size);
  void *memory = mmap(nullptr, *size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) bench_die("mmap");
  char *bytes = static_cast<char *>(memory);
  for (size_t at = 0; at < *size;) {
    ssize_t got = read(fd, bytes + at, *size - at);
    if (got <= 0) bench_die(path);
    at += static_cast<size_t>(got);
  }
  close(fd);
  return bytes;
}

constexpr uint64_t WINDOW = 10000, FIRST = BENCH_START_MS / WINDOW, WINDOWS = 65536;

/* The whole work. Not in main, which gcc takes for cold. */
bool count(char *bytes, size_t size, const Ads &ads, uint32_t *views, uint64_t *n) {
  ondemand::parser parser;
  for (char *line = bytes, *end = bytes + size; line < end;) {
    char *stop = static_cast<char *>(memchr(line, '\n', static_cast<size_t>(end - line)));
    size_t length = static_cast<size_t>(stop - line);
    ondemand::document record;
    std::string_view ad, type;
    uint64_t time;
    if (parser.iterate(line, length, length + SIMDJSON_PADDING).get(record) || record["ad_id"].get_string().get(ad) ||
        record["event_type"].get_string().get(type))
      return false;
    ++*n;
    line = stop + 1;
    if (type != "view") continue;
    if (record["event_time"].get_uint64().get(time)) return false;
    int campaign = ads.find(ad);
    size_t window = time / WINDOW - FIRST;
    if (campaign >= 0 && window < WINDOWS) views[window * BENCH_CAMPAIGNS + static_cast<size_t>(campaign)]++;
  }
  return true;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: ads_loop FILE TABLE.csv OUT.csv\n");
    return 2;
  }
  Ads ads(argv[2]);
  std::vector<uint32_t> views(WINDOWS * BENCH_CAMPAIGNS);
  size_t size;
  char *bytes = load(argv[1], &size);
  uint64_t n = 0;
  double start = bench_now(), cpu = bench_cpu();
  if (!count(bytes, size, ads, views.data(), &n)) return 1;
  double seconds = bench_now() - start;
  cpu = bench_cpu() - cpu;
  FILE *out = fopen(argv[3], "w");
  if (out == nullptr) bench_die(argv[3]);
  for (size_t w = 0; w < WINDOWS; w++)
    for (size_t c = 0; c < ads.campaigns.size(); c++)
      if (views[w * BENCH_CAMPAIGNS + c] > 0)
        fprintf(out, "%s,%zu,%u\n", ads.campaigns[c].c_str(), (w + FIRST) * WINDOW, views[w * BENCH_CAMPAIGNS + c]);
  fclose(out);
  bench_report(n, seconds, cpu);
  return 0;
}
