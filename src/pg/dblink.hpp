// Connections to a foreign server through the extension dblink. Passwords stay in the user mapping and in
// dblink.
#pragma once

#include "core/memory.hpp"
#include "core/sessions/session.hpp"
#include "pg/subtransaction.hpp"

namespace sessionctl::pg {

/// Rows of a result, one after the other; null for NULL. Texts live in the memory context that was current.
struct Cells {
    int columns; // 0 where there is no row
    core::vector<const char*> values;

    std::size_t rows() const noexcept { return columns > 0 ? values.size() / columns : 0; }
    const char* at(std::size_t row, int column) const { return values[row * columns + column]; }
    /// False for NULL.
    bool is(std::size_t row, int column, const char* text) const {
        return at(row, column) != nullptr && std::strcmp(at(row, column), text) == 0;
    }
};

/// Whether an error came from the remote server: only then dblink names its connection in the context.
bool is_remote(const PgError& error) noexcept;

/// One connection with a unique name, made with the caller's rights. To continue after an error, run it in a
/// subtransaction; result() has its own.
class DblinkConnection {
  public:
    enum class Wait { answered, overdue, interrupted };
    enum class Interrupts : bool { served, ignored };

    /// Errors: 55000 with a hint if dblink is not installed in this database, 42704 with a hint if there is
    /// no such server or user mapping, those of dblink, 08001 if the server does not answer within 5 s.
    explicit DblinkConnection(const char* server);
    DblinkConnection(const DblinkConnection&) = delete;
    DblinkConnection& operator=(const DblinkConnection&) = delete;

    /// To be called before it is destroyed in any case. Raises nothing.
    void close() noexcept;

    void send(const char* statement);
    /// Waits for the answer until that time of the monotonic clock. Where interrupts are held, a pending
    /// interrupt is not served, but ends the wait.
    Wait wait(core::Timestamp deadline, Interrupts interrupts = Interrupts::served);
    /// The answer as texts, this many a row. Errors: the server's, and 42804 for another number of columns.
    Cells result(int columns);

    /// Sends, waits, returns the result. Errors: 08006 if no answer comes within `timeout` microseconds.
    Cells execute(const char* statement, int columns, core::Timestamp timeout,
                  Interrupts interrupts = Interrupts::served);

  private:
    bool is_busy();
    void discard_results();
    core::string invocation(const char* function, const char* arguments) const;

    const char* const server_;
    core::string schema_;
    char name_[40];
};

/// Runs the body with a connection that is closed afterwards in any case.
template <typename Body>
auto with_connection(const char* server, Body&& body) {
    DblinkConnection connection(server);
    try {
        const auto result = in_subtransaction([&] { return body(connection); });
        connection.close();
        return result;
    } catch (...) {
        connection.close();
        throw;
    }
}

} // namespace sessionctl::pg
