// An error as PostgreSQL words it: SQLSTATE, primary message, DETAIL, HINT. It owns no memory, so that it can
// leave any scope, a short-lived memory context included.
#pragma once

#include <cstddef>
#include <exception>

namespace sessionctl::core {

namespace sqlstate {
constexpr char null_value_not_allowed[] = "22004";
constexpr char invalid_parameter_value[] = "22023";
constexpr char syntax_error[] = "42601";
constexpr char insufficient_privilege[] = "42501";
constexpr char feature_not_supported[] = "0A000";
constexpr char trigger_protocol_violated[] = "39P01";
constexpr char object_not_in_prerequisite_state[] = "55000";
constexpr char program_limit_exceeded[] = "54000";
constexpr char configuration_limit_exceeded[] = "53400";
constexpr char active_sql_transaction[] = "25001";
constexpr char read_only_sql_transaction[] = "25006";
constexpr char lock_not_available[] = "55P03";
constexpr char object_in_use[] = "55006";
constexpr char undefined_object[] = "42704";
constexpr char duplicate_object[] = "42710";
constexpr char undefined_table[] = "42P01";
constexpr char undefined_database[] = "3D000";
constexpr char name_too_long[] = "42622";
constexpr char connection_failure[] = "08006";
constexpr char unable_to_connect[] = "08001";
constexpr char query_canceled[] = "57014";
constexpr char config_file_error[] = "F0000";
constexpr char internal_error[] = "XX000";
} // namespace sqlstate

class Error : public std::exception {
  public:
    static constexpr std::size_t text_size = 1000;

    [[gnu::format(printf, 3, 4)]] Error(const char* sqlstate, const char* format, ...) noexcept;

    [[gnu::format(printf, 2, 3)]] Error& detail(const char* format, ...) noexcept;
    [[gnu::format(printf, 2, 3)]] Error& hint(const char* format, ...) noexcept;
    /// A place in the user's own text, in characters from 1. The text must outlive the report.
    Error& at(const char* text, int position) noexcept;

    const char* what() const noexcept override { return message_; }
    const char* sqlstate() const noexcept { return sqlstate_; }
    const char* detail() const noexcept { return detail_; }
    const char* hint() const noexcept { return hint_; }
    const char* text() const noexcept { return text_; }
    int position() const noexcept { return position_; }

  private:
    char sqlstate_[6];
    char message_[text_size];
    char detail_[text_size] = "";
    char hint_[text_size] = "";
    const char* text_ = nullptr;
    int position_ = 0;
};

} // namespace sessionctl::core
