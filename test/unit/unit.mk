# `make unit`: the core's tests, without a server and without its headers.
# Honours CXX, CXXFLAGS, SANITIZE and WERROR; another CXX or SANITIZE gets objects of its own.

UNIT_FLAVOUR = $(notdir $(lastword $(CXX)))$(addprefix -,$(SANITIZE))
UNIT_BUILD = build/unit/$(UNIT_FLAVOUR)
UNIT_SOURCES = $(wildcard src/core/*.cpp test/unit/*.cpp)
UNIT_OBJECTS = $(UNIT_SOURCES:%.cpp=$(UNIT_BUILD)/%.o)
UNIT_CXXFLAGS = $(CXXFLAGS) $(SESSIONCTL_CXXFLAGS) -Isrc -Itest/unit

# For the test program: make unit UNIT_ARGS='--gtest_filter=Engine.*'. Only failures and a summary are shown.
UNIT_ARGS =

.PHONY: unit fuzz
unit: $(UNIT_BUILD)/unit
	GTEST_BRIEF=1 $< $(UNIT_ARGS)

$(UNIT_BUILD)/unit: $(UNIT_OBJECTS)
	$(CXX) $(UNIT_CXXFLAGS) -o $@ $^ -lgtest -pthread

$(UNIT_BUILD)/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(UNIT_CXXFLAGS) -MMD -MP -c -o $@ $<

-include $(UNIT_OBJECTS:.o=.d)

# `make fuzz`: the properties of the text functions under libFuzzer, for FUZZ_SECONDS.
FUZZ_CXX = clang++
FUZZ_SECONDS = 30
FUZZ_SOURCES = test/fuzz/text.cpp test/unit/memory.cpp test/unit/text_properties.cpp src/core/text.cpp

fuzz:
	@mkdir -p build/fuzz/corpus
	$(FUZZ_CXX) -std=c++17 -g -O1 -Wall -Wextra -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-Isrc -Itest/unit -o build/fuzz/text $(FUZZ_SOURCES)
	build/fuzz/text -max_total_time=$(FUZZ_SECONDS) -max_len=256 -print_final_stats=1 build/fuzz/corpus
