// Memory for the core's containers. The core only knows two functions; in the server they are PostgreSQL's
// memory contexts (pg/memory.cpp), in the unit tests malloc.
#pragma once

#include <cstddef>
#include <limits>
#include <new>
#include <string>

#include <boost/container/vector.hpp>

namespace sessionctl::core {

/// Never returns null: throws std::bad_alloc.
void* allocate(std::size_t bytes);
void deallocate(void* memory) noexcept;

template <typename T>
struct Allocator {
    using value_type = T;

    Allocator() noexcept = default;
    template <typename Other>
    Allocator(const Allocator<Other>&) noexcept {}

    T* allocate(std::size_t count) {
        constexpr std::size_t size = sizeof(T); // NOLINT(bugprone-sizeof-expression): T may be a pointer
        if (count > std::numeric_limits<std::size_t>::max() / 2 / size)
            throw std::bad_alloc();
        return static_cast<T*>(core::allocate(count * size));
    }
    void deallocate(T* memory, std::size_t) noexcept { core::deallocate(memory); }

    template <typename Other>
    bool operator==(const Allocator<Other>&) const noexcept {
        return true;
    }
    template <typename Other>
    bool operator!=(const Allocator<Other>&) const noexcept {
        return false;
    }
};

/// Errors: XX000.
[[noreturn]] void refuse_index(std::size_t index, std::size_t size);

/// An index out of range is an ERROR in every build: where Boost itself checks, it aborts the process, and
/// the server restarts.
template <typename T>
class vector : public boost::container::vector<T, Allocator<T>> {
    using Base = boost::container::vector<T, Allocator<T>>;

  public:
    using Base::Base;

    T& operator[](std::size_t index) { return this->data()[checked(index)]; }
    const T& operator[](std::size_t index) const { return this->data()[checked(index)]; }
    T& front() { return (*this)[0]; }
    const T& front() const { return (*this)[0]; }
    T& back() { return (*this)[this->size() - 1]; }
    const T& back() const { return (*this)[this->size() - 1]; }

  private:
    std::size_t checked(std::size_t index) const {
        if (index >= this->size())
            refuse_index(index, this->size());
        return index;
    }
};

using string = std::basic_string<char, std::char_traits<char>, Allocator<char>>;

} // namespace sessionctl::core
