// A set of session limits by their numbers. Plain data; no allocation.
#pragma once

#include <cstdint>

namespace sessionctl::core {

struct LimitSet {
    static constexpr int capacity = 256;
    static constexpr int word_bits = 64;
    static constexpr int word_count = capacity / word_bits;

    std::uint64_t words[word_count];

    bool has(int number) const noexcept { return (words[number / word_bits] & bit(number)) != 0; }
    void add(int number) noexcept { words[number / word_bits] |= bit(number); }
    void remove(int number) noexcept { words[number / word_bits] &= ~bit(number); }
    void add(const LimitSet& other) noexcept {
        for (int i = 0; i < word_count; ++i)
            words[i] |= other.words[i];
    }

    bool is_empty() const noexcept {
        std::uint64_t all = 0;
        for (const std::uint64_t word : words)
            all |= word;
        return all == 0;
    }

    LimitSet operator&(const LimitSet& other) const noexcept {
        LimitSet common = {};
        for (int i = 0; i < word_count; ++i)
            common.words[i] = words[i] & other.words[i];
        return common;
    }
    bool operator==(const LimitSet& other) const noexcept {
        std::uint64_t difference = 0;
        for (int i = 0; i < word_count; ++i)
            difference |= words[i] ^ other.words[i];
        return difference == 0;
    }

    /// The smallest number that is not below `from`; -1 where there is none.
    int next(int from) const noexcept {
        for (int i = from / word_bits; i < word_count; ++i) {
            const std::uint64_t left =
                i == from / word_bits ? words[i] >> (from % word_bits) << (from % word_bits) : words[i];
            if (left != 0)
                return i * word_bits + __builtin_ctzll(left);
        }
        return -1;
    }
    /// Calls `visit` with each number, from the smallest on.
    template <typename Visit>
    void for_each(Visit&& visit) const {
        for (int number = next(0); number >= 0; number = next(number + 1))
            visit(number);
    }

  private:
    static constexpr std::uint64_t bit(int number) noexcept {
        return std::uint64_t{1} << (number % word_bits);
    }
};

} // namespace sessionctl::core
