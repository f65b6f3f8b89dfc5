// Connections to a foreign server through the extension dblink. Passwords stay where they are: in the user
// mapping, and in dblink.
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
    /// NULL is no text.
    bool is(std::size_t row, int column, const char* text) const {
        return at(row, column) != nullptr && std::strcmp(at(row, column), text) == 0;
    }
};

/// An error that came from the other end: dblink names its connection in the context of no other.
bool is_remote(const PgError& error) noexcept;

/// One connection under a name of its own. All is done with the caller's rights. Who catches an error and
/// goes on does so around a subtransaction; result() has one of its own.
class DblinkConnection {
  public:
    enum class Wait { answered, overdue, interrupted };
    enum class Heed : bool { interrupts, nothing };

    /// Errors: 55000 with a hint where dblink is not installed in this database, 42704 with one where there
    /// is no such server or no user mapping, those of dblink, 08001 where nobody answers within 5 s.
    explicit DblinkConnection(const char* server);
    DblinkConnection(const DblinkConnection&) = delete;
    DblinkConnection& operator=(const DblinkConnection&) = delete;

    /// Before it goes, however it goes. Raises nothing.
    void close() noexcept;

    void send(const char* statement);
    /// For the answer, until that moment of the monotonic clock. A pending interrupt is not served where
    /// interrupts are held: then it ends the wait.
    Wait wait(core::Timestamp deadline, Heed heed = Heed::interrupts);
    /// The answer that has come, as so many texts a row. Errors: the server's, and 42804 for another number
    /// of columns.
    Cells result(int columns);

    /// All three. Errors: 08006 where nobody answers within `patience` microseconds.
    Cells ask(const char* statement, int columns, core::Timestamp patience, Heed heed = Heed::interrupts);

  private:
    bool is_busy();
    void drain();
    core::string invocation(const char* function, const char* arguments) const;

    const char* const server_;
    core::string schema_;
    char name_[40];
};

/// The body with a connection that is closed afterwards, whatever comes.
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
