# Songhe. `make run` serves the demo district, `make test` runs every test; both install what they need.
.DEFAULT_GOAL := build
CC ?= gcc
B := build

WARN := -Wall -Wextra -Wpedantic -Wformat=2 -Wconversion -Wsign-conversion -Wimplicit-fallthrough -Wshadow -Wvla \
	-Wstrict-prototypes -Wmissing-prototypes -Wundef -Wtrampolines -Wbidi-chars=any -Werror
HARDEN := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-clash-protection -fstack-protector-strong -fcf-protection=full \
	-ftrivial-auto-var-init=zero -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing -fPIE
LINK_HARDEN := -pie -Wl,-z,nodlopen -Wl,-z,noexecstack -Wl,-z,relro -Wl,-z,now -Wl,--as-needed -Wl,--no-copy-dt-needed-entries
