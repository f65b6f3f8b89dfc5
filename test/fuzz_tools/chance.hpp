// One source of chance: the same seed gives the same statements.
#pragma once

#include <cstddef>
#include <random>

namespace fuzz {

class Chance {
  public:
    explicit Chance(unsigned long seed) : engine_(seed) {}

    std::size_t below(std::size_t bound) { return engine_() % bound; }
    bool percent(unsigned share) { return below(100) < share; }

    template <typename Container>
    const auto& one_of(const Container& container) {
        return container[below(std::size(container))];
    }

  private:
    std::mt19937_64 engine_;
};

} // namespace fuzz
