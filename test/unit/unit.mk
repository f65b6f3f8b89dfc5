# `make unit`: the core's tests, without a server and without its headers.
# Honours CXX, CXXFLAGS, SANITIZE and WERROR; another CXX or SANITIZE gets objects of its own.

UNIT_FLAVOUR = $(notdir $(lastword $(CXX)))$(addprefix -,$(SANITIZE))
UNIT_BUILD = build/unit/$(UNIT_FLAVOUR)
# What has tests is one unit, as the core is: most of the time would go into reading gtest.h.
UNIT_SOURCES = build/src/core.cpp build/unit/tests.cpp $(filter-out %_test.cpp,$(wildcard test/unit/*.cpp))
UNIT_OBJECTS = $(UNIT_SOURCES:%.cpp=$(UNIT_BUILD)/%.o)
# Not optimized: compiling them takes longer than running them.
UNIT_CXXFLAGS = $(CXXFLAGS) $(SESSIONCTL_CXXFLAGS) -O0 -g0 -Wno-subobject-linkage -Isrc -Itest/unit

# For the test program: make unit UNIT_ARGS='--gtest_filter=SignalAndProve.*'. Only failures and a summary are shown.
UNIT_ARGS =

build/unit/tests.cpp: force
	$(call write_unit,$(notdir $(wildcard test/unit/*_test.cpp)))

.PHONY: unit fuzz
unit: $(UNIT_BUILD)/unit
	GTEST_BRIEF=1 $< $(UNIT_ARGS)

$(UNIT_BUILD)/unit: $(UNIT_OBJECTS)
	$(CXX) $(UNIT_CXXFLAGS) -o $@ $^ -lgtest -pthread

$(UNIT_BUILD)/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(UNIT_CXXFLAGS) -MMD -MP -c -o $@ $<

-include $(UNIT_OBJECTS:.o=.d)

# `make fuzz`: the properties of the text functions and of pg_hba.conf under libFuzzer, each for FUZZ_SECONDS.
FUZZ_CXX = clang++
FUZZ_CXXFLAGS = -std=c++17 -g -O1 -Wall -Wextra -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
FUZZ_SECONDS = 30
FUZZ_TARGETS = $(patsubst test/fuzz/%.cpp,fuzz-%,$(wildcard test/fuzz/*.cpp))
FUZZ_SOURCES_text = test/unit/text_properties.cpp src/core/text.cpp
FUZZ_SOURCES_hba = test/unit/hba_model.cpp src/core/error.cpp src/core/text.cpp $(foreach file,$(call files_below,src/core,cpp),$(if $(filter hba%,$(notdir $(file))),$(file)))

.PHONY: $(FUZZ_TARGETS)
fuzz: $(FUZZ_TARGETS)
$(FUZZ_TARGETS): fuzz-%:
	@mkdir -p build/fuzz/corpus-$*
	$(FUZZ_CXX) $(FUZZ_CXXFLAGS) -Isrc -Itest/unit -o build/fuzz/$* test/fuzz/$*.cpp test/unit/memory.cpp $(FUZZ_SOURCES_$*)
	build/fuzz/$* -max_total_time=$(FUZZ_SECONDS) -max_len=256 -print_final_stats=1 \
		$(addprefix -dict=,$(wildcard test/fuzz/$*.dict)) build/fuzz/corpus-$*
