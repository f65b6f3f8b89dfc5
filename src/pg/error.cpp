#include "pg/error.hpp"

#include "core/error.hpp"
#include "pg/encoding.hpp"

namespace sessionctl::pg {

namespace {

MemoryContext error_memory = nullptr;

} // namespace

ErrorMemory::ErrorMemory() noexcept : outer_(error_memory) {
    error_memory = CurrentMemoryContext;
}

ErrorMemory::~ErrorMemory() {
    error_memory = outer_;
}

namespace detail {

namespace {

/// Copies the current error and clears PostgreSQL's error state; null if there was no memory for the copy.
ErrorData* take_error() noexcept {
    sigjmp_buf landing;
    sigjmp_buf* const outer_landing = PG_exception_stack;
    const MemoryContext memory = CurrentMemoryContext;
    ErrorData* volatile copy = nullptr;
    if (sigsetjmp(landing, 0) == 0) {
        PG_exception_stack = &landing;
        MemoryContextSwitchTo(error_memory != nullptr ? error_memory : memory);
        copy = CopyErrorData();
    }
    PG_exception_stack = outer_landing;
    MemoryContextSwitchTo(memory);
    FlushErrorState();
    return copy;
}

/// Names in it may contain invalid bytes. A text that was cut may end inside a character.
void keep(char (&target)[1024], std::string_view text) noexcept {
    constexpr std::size_t longest_character = 4;
    const core::Characters characters = own_characters();
    if (text.size() + longest_character >= core::Error::text_size)
        text = core::without_torn_end(text, characters);
    core::print_pieces(target, sizeof target, text, [&characters](std::string_view& rest) {
        return core::take_piece(rest, characters, characters.begin_with_control(rest));
    });
}

} // namespace

Guard::Guard() noexcept
    : outer_landing_(PG_exception_stack), outer_context_(error_context_stack), memory_(CurrentMemoryContext),
      interrupt_holdoff_(InterruptHoldoffCount), cancel_holdoff_(compat::query_cancel_holdoff()) {}

void Guard::arm() noexcept {
    PG_exception_stack = &landing;
}

void Guard::disarm() noexcept {
    PG_exception_stack = outer_landing_;
    error_context_stack = outer_context_;
}

void Guard::abandon() noexcept {
    disarm();
    MemoryContextSwitchTo(memory_);
}

void Guard::fail() {
    abandon();
    ErrorData* const error = take_error();
    // errfinish() has set these to 0 (again if the copy failed), but the code that raised them before the
    // call will lower them.
    InterruptHoldoffCount = interrupt_holdoff_;
    compat::set_query_cancel_holdoff(cancel_holdoff_);
    if (error == nullptr)
        throw std::bad_alloc();
    throw PgError(error);
}

void Failure::set(const char* sqlstate, const char* message) noexcept {
    std::memcpy(sqlstate_, sqlstate, sizeof sqlstate_);
    keep(message_, message);
}

void Failure::capture() noexcept {
    error_ = nullptr;
    text_ = nullptr;
    position_ = 0;
    detail_[0] = hint_[0] = '\0';
    try {
        throw;
    } catch (const PgError& e) {
        error_ = e.data();
    } catch (const core::Error& e) {
        set(e.sqlstate(), e.what());
        keep(detail_, e.detail());
        keep(hint_, e.hint());
        text_ = e.text();
        position_ = e.position();
    } catch (const std::bad_alloc&) {
        set("53200", "out of memory");
        keep(detail_, "A C++ allocation failed.");
    } catch (const std::exception& e) {
        set("XX000", e.what());
    } catch (...) {
        set("XX000", "unknown C++ exception");
    }
}

void Failure::raise() {
    if (error_ != nullptr) {
        // As errfinish() does for a new error: the abort that follows relies on it when it releases LWLocks.
        InterruptHoldoffCount = 0;
        compat::set_query_cancel_holdoff(0);
        ReThrowError(error_);
    }
    const char* const s = sqlstate_;
    ereport(ERROR, (errcode(MAKE_SQLSTATE(s[0], s[1], s[2], s[3], s[4])), errmsg("%s", message_),
                    detail_[0] ? errdetail("%s", detail_) : 0, hint_[0] ? errhint("%s", hint_) : 0,
                    text_ ? internalerrquery(text_) : 0, text_ ? internalerrposition(position_) : 0));
    pg_unreachable();
}

} // namespace detail

} // namespace sessionctl::pg
