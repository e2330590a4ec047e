# Spate: make help

BUILD   ?= release
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif
PREFIX  ?= /usr/local
DESTDIR ?=
PYTHON  ?= python3
V       := 0.1.0
O       := build/$(BUILD)

PKGS := rdkafka yaml-0.1 libevent libevent_pthreads libevent_openssl openssl libpcre2-8 libxxhash zlib libzstd libsystemd
WARN := -Wall -Wextra -Wshadow -Wconversion -Werror
HARDEN := -fstack-protector-strong -fPIE -Wformat -Wformat-security
ifeq ($(BUILD),release)
OPT := -O2 -g -D_FORTIFY_SOURCE=2
MALLOC := -ltcmalloc_minimal
else ifeq ($(BUILD),debug)
OPT := -O1 -g -DSPATE_DEBUG
else ifeq ($(BUILD),asan)
OPT := -O1 -g -DSPATE_DEBUG -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else ifeq ($(BUILD),tsan)
OPT := -O1 -g -DSPATE_DEBUG -fsanitize=thread -fno-omit-frame-pointer
endif
COMMON  := $(OPT) $(WARN) $(HARDEN) -D_GNU_SOURCE -DSPATE_VERSION='"$(V)"'
CFLAGS  = -std=c11 $(COMMON) $(DEP_CFLAGS)
CXXFLAGS = -std=c++17 $(COMMON)
DEP_CFLAGS = $(shell pkg-config --cflags $(PKGS))
LDFLAGS = -pie -Wl,-z,relro,-z,now -rdynamic
LDLIBS  = $(shell pkg-config --libs $(PKGS)) -lsimdjson -lck -lstdc++ -lm -lpthread -ldl $(MALLOC)

# Every file of the rooms and plugins belongs to both programs; main programs are daemon/control/main_*.c.
SRC   := $(shell find daemon plugins -name '*.c' ! -name 'main_*.c' ! -path '*/template/*' | sort)
SRCXX := $(shell find plugins -name '*.cc' | sort)
OBJ   := $(SRC:%.c=$O/%.o) $(SRCXX:%.cc=$O/%.o)
PROGRAMS := $O/spate $O/spated
UNIT  := $(patsubst tests/unit/%.c,$O/tests/%,$(wildcard tests/unit/*.c))

.PHONY: all deps demo check unit scenarios contract kafka bench tidy fuzz install man clean help
all: $(PROGRAMS)

help:
	@echo "make            build (BUILD=release|debug|asan|tsan) into build/"
	@echo "make demo       install what is missing, build, and watch windows close on live data"
	@echo "make check      install what is missing, build, run every test"
	@echo "make bench      ratios against yardsticks"
	@echo "make install    DESTDIR= PREFIX=$(PREFIX)"
	@echo "make deps       the Debian packages that the build and the tests need"
	@echo "make clean"

$O/spate: $O/daemon/control/main_spate.o $O/libspate.a
	@echo "  LD   $@"
	@$(CC) $(OPT) $(LDFLAGS) -o $@ $< -Wl,--whole-archive $O/libspate.a -Wl,--no-whole-archive $(LDLIBS)
$O/spated: $O/daemon/control/main_spated.o $O/libspate.a
	@echo "  LD   $@"
	@$(CC) $(OPT) $(LDFLAGS) -o $@ $< -Wl,--whole-archive $O/libspate.a -Wl,--no-whole-archive $(LDLIBS)
$O/libspate.a: $(OBJ)
	@rm -f $@
	@ar qcs $@ $(OBJ)

$O/daemon/%.o: daemon/%.c
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
# A plugin sees one header.
$O/plugins/%.o: plugins/%.c
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(CFLAGS) -Idaemon/api -MMD -MP -c -o $@ $<
$O/plugins/%.o: plugins/%.cc
	@mkdir -p $(@D)
	@echo "  CXX  $<"
	@$(CXX) $(CXXFLAGS) -Idaemon/api -MMD -MP -c -o $@ $<

# Unit tests: tests/unit/NAME.c, each a program with libcheck.
$O/tests/%: tests/unit/%.c $O/libspate.a
	@mkdir -p $(@D)
	@echo "  TEST $@"
	@$(CC) -std=c11 $(OPT) -Wall -Wextra -Werror -D_GNU_SOURCE $(DEP_CFLAGS) -Idaemon -Idaemon/api -MMD -MP -o $@ $< $O/libspate.a $(shell pkg-config --libs check) $(LDLIBS)
unit: $(UNIT)
	@tests/run-unit.sh $(UNIT)

deps:
	@tests/deps.sh

# Where Debian wants them; the unit names the programs by PREFIX.
install: all man
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include/spate \
	  $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man8 \
	  $(DESTDIR)$(PREFIX)/share/doc/spate/examples $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)/etc/spate/pipelines.d
	install -m 755 $O/spate $(DESTDIR)$(PREFIX)/bin/spate
	install -m 755 $O/spated $(DESTDIR)$(PREFIX)/bin/spated
	install -m 644 daemon/api/spate.h $(DESTDIR)$(PREFIX)/include/spate/spate.h
	install -m 644 $O/man/spate.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 $O/man/spate.yaml.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -m 644 $O/man/spated.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	cp -r conf/pipelines.d/. $(DESTDIR)$(PREFIX)/share/doc/spate/examples/
	sed -i 's|conf/pipelines\.d|$(PREFIX)/share/doc/spate/examples|g' $(DESTDIR)$(PREFIX)/share/doc/spate/examples/*.yaml
	sed 's|/usr/local|$(PREFIX)|g' systemd/spated.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/spated.service
	[ -e $(DESTDIR)/etc/spate/spate.yaml ] || install -m 644 conf/spate.yaml $(DESTDIR)/etc/spate/spate.yaml

clean:
	rm -rf build

-include $(shell find build/$(BUILD) -name '*.d' 2>/dev/null)
-include tests/targets.mk
