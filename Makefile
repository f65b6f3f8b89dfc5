# pg_sessionctl: PGXS build. `make`, `make install`, `make installcheck`, each with PG_CONFIG=/path/to/pg_config.

EXTENSION = pg_sessionctl
MODULE_big = pg_sessionctl
DATA = $(wildcard sql/pg_sessionctl--*.sql)
# Each folder, with all below it, is one translation unit: what its files include is read once, not once a file.
FOLDERS = $(patsubst src/%/,%,$(wildcard src/*/))
OBJS = src/module.o $(FOLDERS:%=build/src/%.o)

REGRESS = $(sort $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test
TAP_TESTS = 1
# Side by side: those that take longest are not begun last.
LONGEST = $(patsubst %,test/t/%.pl,341_crash_hba 340_crash_gate 300_lockdown_database 390_documentation_1 390_documentation_2 390_documentation_3 415_drain_traffic 410_drain_transactions 050_rights 097_busy_server)
PROVE_TESTS = $(LONGEST) $(filter-out $(LONGEST),$(sort $(wildcard test/t/*.pl)))

EXTRA_CLEAN = build src/module.d tmp_check

PG_CONFIG ?= pg_config
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(EXTENSION).control)
PG_CPPFLAGS = -Isrc -DSESSIONCTL_VERSION='"$(EXTVERSION)"'
SHLIB_LINK += -lstdc++

# WERROR=1 turns warnings into errors (CI does); SANITIZE=address,undefined instruments the module.
SESSIONCTL_CXXFLAGS = -std=c++17 -fPIC -fvisibility=hidden -fvisibility-inlines-hidden \
	-Wall -Wextra -Wno-register -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-missing-format-attribute -Wno-unknown-warning-option -Wno-ignored-attributes
ifdef WERROR
SESSIONCTL_CXXFLAGS += -Werror
endif
ifdef SANITIZE
SESSIONCTL_CXXFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g -O1
SHLIB_LINK += -fsanitize=$(SANITIZE)
endif

PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq ($(PGXS)$(filter dist html,$(MAKECMDGOALS)),)
$(error $(PG_CONFIG) does not run: install PostgreSQL's server headers, or name another one with PG_CONFIG=)
endif
# Up to 10; later PGXS has its own.
CXXFLAGS ?= -O2 -g
# What is installed has no debug information; a packager who splits it off himself sets this to nothing.
INSTALL_STRIP_FLAG ?= -s
# No bitcode: nothing here is worth inlining into an expression, and it takes as long to compile as the library.
override with_llvm = no
include $(PGXS)

ifneq ($(filter 8.% 9.0 9.1 9.2 9.3,$(MAJORVERSION)),)
$(error pg_sessionctl needs PostgreSQL 9.4 or newer, and this is $(MAJORVERSION))
endif

# One rule for every server: PGXS up to 10 knows no C++, and its dependency files clash for equal file names.
ifeq ($(origin CXX),default)
CXX = g++
endif
# Core relies on both, and says so for C++ from 11 on.
override CXXFLAGS += -fno-strict-aliasing -fwrapv
%.o: %.cpp
	$(CXX) $(CXXFLAGS) $(SESSIONCTL_CXXFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<
# At any depth.
files_below = $(foreach entry,$(wildcard $(1)/*),$(call files_below,$(entry),$(2)) $(filter %.$(2),$(entry)))
# A source that includes these; written anew only where one has come or gone.
define write_unit
	@mkdir -p $(@D)
	@printf '#include "%s"\n' $(sort $(1)) >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
endef
$(FOLDERS:%=build/src/%.cpp): build/src/%.cpp: force
	$(call write_unit,$(patsubst src/%,%,$(call files_below,src/$*,cpp)))
.PHONY: force
-include $(OBJS:.o=.d)

# From 12 on PGXS runs TAP tests itself; 11 brings all that is needed.
ifeq ($(MAJORVERSION),11)
ifdef TAP_TESTS
.PHONY: tapcheck
installcheck: tapcheck
tapcheck:
	$(prove_installcheck)
endif
endif

# `make dist`: the zip for PGXN, of what is committed.
DIST = $(EXTENSION)-$(shell sed -n 's/^   "version": "\(.*\)",/\1/p' META.json)
.PHONY: dist
dist:
	@mkdir -p build
	git archive --format=zip --prefix=$(DIST)/ -o build/$(DIST).zip HEAD

# The documentation goes with the extension, in folders as it is here, so that its links work; PGXS's own DOCS knows one
# folder for all extensions. A packager who has a place of his own for it sets this to nothing.
DOCUMENTATION ?= README.md CHANGELOG.md SECURITY.md CONTRIBUTING.md LICENSE META.json $(wildcard doc/*.md doc/guide/*.md)
DOCUMENTATION_DIR = $(DESTDIR)$(docdir)/extension/$(EXTENSION)
.PHONY: install-documentation uninstall-documentation
install: install-documentation
install-documentation:
	$(if $(DOCUMENTATION),$(MKDIR_P) $(addprefix '$(DOCUMENTATION_DIR)'/,$(sort $(dir $(DOCUMENTATION)))))
	$(foreach file,$(DOCUMENTATION),$(INSTALL_DATA) $(file) '$(DOCUMENTATION_DIR)/$(file)' &&) true
uninstall: uninstall-documentation
uninstall-documentation:
	$(if $(DOCUMENTATION),rm -rf '$(DOCUMENTATION_DIR)')

.PHONY: html
html:
	script/html build/html

include test/unit/unit.mk
include bench/bench.mk
