# Songhe. `make run` serves the demo district, `make test` runs every test; both install what they need.
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
B ?= build
SAN ?=
OPT ?= -O2

WARN := -Wall -Wextra -Wpedantic -Wformat=2 -Wconversion -Wsign-conversion -Wimplicit-fallthrough -Wshadow -Wvla \
	-Wstrict-prototypes -Wmissing-prototypes -Wundef -Wtrampolines -Wbidi-chars=any -Werror
HARDEN := -fstack-clash-protection -fstack-protector-strong -fcf-protection=full -ftrivial-auto-var-init=zero \
	-fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing -fexceptions -fPIE
ifeq ($(SAN),)
OPT += -flto=auto
HARDEN += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
LDHARD := -Wl,-z,nodlopen
endif
CFLAGS := -std=c17 -D_GNU_SOURCE $(OPT) -g -Isrc -MMD -MP $(WARN) $(HARDEN) $(SAN)
LDFLAGS := $(OPT) -pie $(LDHARD) -Wl,-z,noexecstack -Wl,-z,relro -Wl,-z,now -Wl,--as-needed -Wl,--no-copy-dt-needed-entries $(SAN)
LIBS := -lmicrohttpd -lgnutls -lsqlite3 -lpq -ljansson -lcrypto -largon2 -lzip -lexpat -lxlsxwriter -lcurl -lpthread -lm
CFLAGS += -I/usr/include/postgresql

SOURCES := $(wildcard src/base/*.c src/store/*.c src/engine/*.c src/care/*.c src/edge/*.c)
OBJECTS := $(SOURCES:%.c=$(B)/%.o) $(B)/packs.o $(B)/pinyin_table.o
PACKS := $(wildcard packs/*/areas.csv packs/*/pack.conf standards/*.txt standards/questionnaires/*.txt)
UNIT := $(patsubst test/unit/%.c,$(B)/unit/%,$(wildcard test/unit/*.c))
FUZZ := $(patsubst fuzz/fuzz_%.c,%,$(wildcard fuzz/fuzz_*.c))

.PHONY: build run test check bench lint fuzz asan tsan install deps clean

build: deps
	@$(MAKE) --no-print-directory -s $(B)/songhe

deps:
	@deploy/deps

# Without the look at the packages: what the other targets build with.
.SILENT:
compile: $(B)/songhe $(B)/songhe-test $(UNIT) $(FUZZ:%=$(B)/replay_%) $(B)/fail_fsync.so

# What is declared is looked at here: a mistake in it fails the build, and the program is not kept.
$(B)/songhe: $(OBJECTS) $(B)/src/main.o
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
	$@ schema --check

# The same program with --test-clock: a test owns the time.
$(B)/songhe-test: $(filter-out $(B)/src/edge/commands.o,$(OBJECTS)) $(B)/commands-test.o $(B)/src/main.o
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/commands-test.o: src/edge/commands.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -DSONGHE_TEST_CLOCK -c -o $@ $<

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(B)/packs.c: tools/embed $(PACKS)
	@mkdir -p $(@D)
	tools/embed $(PACKS) > $@

$(B)/packs.o: $(B)/packs.c
	$(CC) $(CFLAGS) -c -o $@ $<

# How characters are read: ICU is asked when the program is built, and not by it.
$(B)/pinyin: tools/pinyin.c
	@mkdir -p $(@D)
	$(CC) -std=c17 -D_GNU_SOURCE -O1 $(WARN) -o $@ $< -licui18n -licuuc

$(B)/pinyin_table.c: $(B)/pinyin
	$(B)/pinyin > $@

$(B)/pinyin_table.o: $(B)/pinyin_table.c
	$(CC) $(CFLAGS) -c -o $@ $<

$(B)/unit/%: test/unit/%.c test/unit/scratch.h $(OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(OBJECTS) $(LIBS) -lcmocka

$(B)/replay_%: fuzz/fuzz_%.c fuzz/replay.c $(OBJECTS)
	$(CC) $(CFLAGS) -Wno-missing-prototypes $(LDFLAGS) -o $@ fuzz/fuzz_$*.c fuzz/replay.c $(OBJECTS) $(LIBS)

# A disk that fails on demand, for LD_PRELOAD.
$(B)/fail_fsync.so: test/fault/fail_fsync.c
	@mkdir -p $(@D)
	$(CC) -std=c17 -D_GNU_SOURCE -O2 -fPIC -shared $(WARN) -Wno-pedantic -o $@ $< -ldl

run: build
	@deploy/run $(B)/songhe

test:
	@deploy/deps test
	@$(MAKE) --no-print-directory -s -j2 compile
	@test/run $(B)

bench: build
	@deploy/deps test
	@$(MAKE) --no-print-directory -s $(B)/bench/load $(B)/bench/floor_http $(B)/bench/floor_sqlite
	@node bench/run.mjs $(BENCH)

$(B)/bench/%: bench/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -lmicrohttpd -lsqlite3 -lpthread -lm

lint:
	@deploy/deps
	@$(MAKE) --no-print-directory -s $(B)/songhe
	@tools/lint $(B)/songhe

asan:
	@deploy/deps test
	@$(MAKE) --no-print-directory -s -j2 B=build/asan OPT="-O1" SAN="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" compile
	@ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=8 test/run build/asan

tsan:
	@deploy/deps test
	@$(MAKE) --no-print-directory -s -j2 B=build/tsan OPT="-O1" SAN="-fsanitize=thread" compile
	@TSAN_OPTIONS="suppressions=$(CURDIR)/test/tsan.supp halt_on_error=0 exitcode=66" test/run build/tsan

# One minute of libFuzzer for each parser; what it finds lands in build/fuzz/.
FUZZ_SECONDS ?= 60
fuzz:
	@deploy/deps fuzz
	@$(MAKE) --no-print-directory -s build/pinyin_table.c
	@mkdir -p build/fuzz
	@for f in $(FUZZ); do \
		clang-14 -std=c17 -D_GNU_SOURCE -g -O1 -Isrc -fsanitize=fuzzer,address,undefined -o build/fuzz/$$f fuzz/fuzz_$$f.c src/base/*.c build/pinyin_table.c \
			-ljansson -lcrypto -largon2 -lzip -lexpat -lpthread -lm && \
		mkdir -p build/fuzz/corpus_$$f && \
		build/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build/fuzz/ build/fuzz/corpus_$$f fuzz/corpus/$$f || exit 1; \
	done

PREFIX ?= /usr/local
install: build
	install -D -m 755 $(B)/songhe $(DESTDIR)$(PREFIX)/bin/songhe

clean:
	rm -rf build

-include $(OBJECTS:.o=.d) $(B)/src/main.d $(B)/commands-test.d
