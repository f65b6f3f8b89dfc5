#include "core/hba/hba_rules.hpp"

#include "core/error.hpp"

#include <algorithm>

namespace sessionctl::core::hba {

namespace {

/// As core's CONF_FILE_MAX_DEPTH; before 16 the server had no bound, and a file that includes itself ended
/// it.
constexpr int max_depth = 10;

[[noreturn]] void refuse_file(const File& outer, int line, const string& name, const char* what,
                              const Dialect& dialect) {
    throw Error(sqlstate::config_file_error, "line %d of \"%s\" includes \"%s\", which %s", line,
                outer.path.c_str(), name.c_str(), what)
        .detail("Without it, the roles that may log in cannot be determined.")
        .hint("Write its lines into the file itself, or lock the server down with method %s 'gate'.",
              dialect.argument_sign);
}

bool is_include(const Line& line, const Dialect& dialect) {
    if (!dialect.includes || line.fields.size() != 2)
        return false;
    const string& word = line.fields[0].tokens[0].text;
    return word == "include" || word == "include_if_exists" || word == "include_dir";
}

class Reader {
  public:
    Reader(const Dialect& dialect, Server& server) noexcept : dialect_(dialect), server_(server) {}

    vector<Rule> rules;

    void read(const File& file, int depth) {
        for (const Line& line : lines_of(file, dialect_)) {
            if (!is_include(line, dialect_)) {
                add_rule(file, line, depth);
                continue;
            }
            for (const File& included : files_of(file, line, depth))
                read(included, depth + 1);
        }
    }

  private:
    vector<File> files_of(const File& outer, const Line& line, int depth) {
        const string& word = line.fields[0].tokens[0].text;
        const Token& name = line.fields[1].tokens[0];
        if (depth >= max_depth)
            refuse_file(outer, line.number, name.text, "is nested too deep", dialect_);
        if (name.is_file())
            refuse_line(outer, line.number, "includes a file whose name stands in another file");
        std::optional<vector<File>> files;
        if (word == "include_dir")
            files = server_.read_directory(name.text, outer.path);
        else if (std::optional<File> file = server_.read(name.text, outer.path))
            files.emplace().push_back(std::move(*file));
        else if (word == "include_if_exists")
            files.emplace();
        if (!files)
            refuse_file(outer, line.number, name.text, "does not exist", dialect_);
        return std::move(*files);
    }

    void add_rule(const File& file, const Line& line, int depth) {
        check_form(file, line);
        if (depth > 0)
            check_movable(file, line);
        Rule rule;
        rule.type = line.fields[0].tokens[0].text;
        rule.databases = string(line.raw(1, 1));
        rule.rest = string(line.raw(3, line.fields.size() - 1));
        rule.path = file.path;
        rule.line = line.number;
        for (std::size_t i = 1; i < line.fields.size(); ++i) {
            vector<Token> words = words_of(file, line, i, depth);
            if (i == 1)
                rule.only_replication = std::all_of(words.begin(), words.end(), [](const Token& word) {
                    return word.is_keyword("replication");
                });
            else if (i == 2)
                rule.roles = std::move(words);
        }
        rules.push_back(std::move(rule));
    }

    /// Of one field, those in files too.
    vector<Token> words_of(const File& file, const Line& line, std::size_t field, int depth) {
        vector<Token> words;
        for (const Token& token : line.fields[field].tokens)
            add_word(file, line.number, token, depth, words);
        // To the server there is no such field then: the next one takes its place.
        if (words.empty())
            refuse_line(file, line.number, "names an empty file");
        return words;
    }

    void add_word(const File& outer, int line, const Token& token, int depth, vector<Token>& words) {
        if (!token.is_file()) {
            words.push_back(token);
            return;
        }
        const string name(std::string_view(token.text).substr(1));
        if (depth >= max_depth)
            refuse_file(outer, line, name, "is nested too deep", dialect_);
        const std::optional<File> file = server_.read(name, outer.path);
        if (!file)
            refuse_file(outer, line, name, "does not exist", dialect_);
        add_words(*file, depth + 1, words);
    }

    /// Every word of a file, and of those that it includes.
    void add_words(const File& file, int depth, vector<Token>& words) {
        for (const Line& line : lines_of(file, dialect_)) {
            if (is_include(line, dialect_)) {
                for (const File& included : files_of(file, line, depth))
                    add_words(included, depth + 1, words);
                continue;
            }
            for (const Field& field : line.fields)
                for (const Token& token : field.tokens)
                    add_word(file, line.number, token, depth, words);
        }
    }

    static void check_form(const File& file, const Line& line) {
        const vector<Token>& type = line.fields[0].tokens;
        static constexpr std::string_view types[] = {"local",     "host",       "hostssl",
                                                     "hostnossl", "hostgssenc", "hostnogssenc"};
        if (type.size() != 1 ||
            std::find(std::begin(types), std::end(types), type[0].text) == std::end(types))
            refuse_line(file, line.number, "does not begin with a connection type");
        const bool local = type[0].text == "local";
        const std::size_t needed = local ? 4 : 5;
        if (line.fields.size() < needed)
            refuse_line(file, line.number,
                        local ? "needs a database, a role and a method"
                              : "needs a database, a role, an address and a method");
    }

    /// A relative @name counts from the file in which it stands, and the rule is written into another.
    static void check_movable(const File& file, const Line& line) {
        for (std::size_t i = 1; i < line.fields.size(); ++i)
            for (const Token& token : line.fields[i].tokens)
                if (i != 2 && token.is_file() && token.text[1] != '/')
                    throw Error(sqlstate::config_file_error,
                                "line %d of \"%s\" names a file relative to it: \"%s\"", line.number,
                                file.path.c_str(), token.text.c_str())
                        .hint("Write its whole path.");
    }

    const Dialect& dialect_;
    Server& server_;
};

} // namespace

vector<Rule> rules_of(const File& file, const Dialect& dialect, Server& server) {
    Reader reader(dialect, server);
    reader.read(file, 0);
    return std::move(reader.rules);
}

} // namespace sessionctl::core::hba
