/*
 * bench: what the programs of the bench share: clocks, random numbers from a seed, and the last line that each prints,
 * key=value pairs that run.py reads. These programs do the least that the work needs; they are no part of Spate.
 */
#ifndef BENCH_H
#define BENCH_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define BENCH_START_MS 1700000000000ull /* event time of the first record */
#define BENCH_PER_MS 10                 /* records a millisecond of event time */
enum { BENCH_ADS = 1000, BENCH_CAMPAIGNS = 100 };

static inline double bench_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
static inline uint64_t bench_clock_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}
static inline double bench_cpu(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}
/* splitmix64 */
static inline uint64_t bench_mix(uint64_t z) {
  z += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}
static inline uint64_t bench_random(uint64_t *state) {
  uint64_t z = bench_mix(*state);
  *state += 0x9E3779B97F4A7C15ull;
  return z;
}
/* Order of rows does not count: the sum of their hashes (FNV-1a, finished by mix) does. */
static inline uint64_t bench_hash(const void *bytes, size_t size) {
  const unsigned char *p = (const unsigned char *)bytes;
  uint64_t h = 0xcbf29ce484222325ull;
  for (size_t i = 0; i < size; i++) h = (h ^ p[i]) * 0x100000001b3ull;
  return bench_mix(h);
}
static inline void bench_report(uint64_t n, double seconds, double cpu) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  printf("n=%llu seconds=%.4f rate=%.0f cpu=%.4f cpu_us=%.4f rss_mb=%.1f\n", (unsigned long long)n, seconds,
         seconds > 0 ? (double)n / seconds : 0.0, cpu, n > 0 ? cpu / (double)n * 1e6 : 0.0, (double)r.ru_maxrss / 1024);
  fflush(stdout);
}
static inline void bench_die(const char *what) {
  perror(what);
  exit(1);
}
#endif
