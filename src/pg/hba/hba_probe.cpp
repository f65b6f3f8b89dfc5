#include "pg/hba/hba_probe.hpp"

#include "pg/error.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/signals.hpp"
#include "pg/sessions/statement_time.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp probe_poll_interval = 2 * core::microseconds_per_millisecond;
/// On a machine under load a login can take many seconds. So elapsed time alone proves nothing, only answers
/// do.
constexpr core::Timestamp longest_login = 10 * core::microseconds_per_second;
constexpr core::Timestamp shortest_refutation = 5 * core::microseconds_per_second;
constexpr int enough_looks = 20;
constexpr core::Timestamp longest_proof = 60 * core::microseconds_per_second;

/// The server's first message to a login, in protocol format.
struct Answer {
    static constexpr std::size_t longest = 256;
    std::size_t length;
    char bytes[longest];

    bool is_whole() const noexcept {
        return length >= 5 && length >= std::min<std::size_t>(size_t{be(1)} + 1, longest);
    }
    std::uint32_t be(std::size_t at) const noexcept {
        std::uint32_t number;
        std::memcpy(&number, bytes + at, sizeof number);
        return ntohl(number);
    }
    /// AuthenticationCleartextPassword
    bool asks_password() const noexcept { return length >= 9 && bytes[0] == 'R' && be(5) == 3; }
    /// The SQLSTATE of a rejection by pg_hba.conf, or of a missing entry in it.
    bool is_rejection() const noexcept {
        constexpr std::string_view state("\0C28000\0", 8);
        return length > 5 && bytes[0] == 'E' &&
               std::string_view(bytes, length).find(state) != std::string_view::npos;
    }
};

class ProbeSocket {
  public:
    explicit ProbeSocket(int family) noexcept : file_(socket(family, SOCK_STREAM, 0)) {
        if (file_ >= 0) {
            fcntl(file_, F_SETFD, FD_CLOEXEC);
            fcntl(file_, F_SETFL, O_NONBLOCK);
        }
    }
    ~ProbeSocket() {
        if (file_ >= 0)
            close(file_);
    }
    ProbeSocket(const ProbeSocket&) = delete;
    ProbeSocket& operator=(const ProbeSocket&) = delete;

    int file() const noexcept { return file_; }

    bool wait_for(short events, core::Timestamp deadline) const {
        for (;;) {
            pollfd poll_for = {file_, events, 0};
            if (poll(&poll_for, 1, 0) > 0)
                return true;
            if (monotonic_now() >= deadline)
                return false;
            pause(probe_poll_interval);
        }
    }

  private:
    const int file_;
};

struct Address {
    int family;
    socklen_t length; // 0: the postmaster does not listen so
    sockaddr_storage storage;
};

/// The addresses on which the postmaster listens, from postmaster.pid.
struct Listening {
    char socket_directory[MAXPGPATH];
    char host[256];
    int port;
};

Listening listening() noexcept {
    char text[4096];
    Listening found = {};
    if (read_small_file("postmaster.pid", text, sizeof text) <= 0)
        return found;
    const char* line = text;
    for (int number = 1; number <= 6; ++number) {
        const std::size_t length = std::strcspn(line, "\n");
        const auto width = static_cast<int>(length);
        if (number == 4)
            found.port = std::atoi(line);
        else if (number == 5 && length < sizeof found.socket_directory)
            std::snprintf(found.socket_directory, sizeof found.socket_directory, "%.*s", width, line);
        else if (number == 6 && length < sizeof found.host)
            std::snprintf(found.host, sizeof found.host, "%.*s", width, line);
        line += length;
        line += *line == '\n' ? 1 : 0;
    }
    return found;
}

Address socket_address(const Listening& listening) noexcept {
    Address address = {AF_UNIX, 0, {}};
    sockaddr_un name = {};
    name.sun_family = AF_UNIX;
    const int length = std::snprintf(name.sun_path, sizeof name.sun_path, "%s/.s.PGSQL.%d",
                                     listening.socket_directory, listening.port);
    if (listening.socket_directory[0] == '\0' || length >= static_cast<int>(sizeof name.sun_path))
        return address;
    // 14: a name that begins with @ is in Linux's abstract namespace.
    if (name.sun_path[0] == '@')
        name.sun_path[0] = '\0';
    address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    std::memcpy(&address.storage, &name, sizeof name);
    return address;
}

/// Host names are resolved as the postmaster did when it began to listen.
Address tcp_address(const Listening& listening) noexcept {
    Address address = {AF_INET, 0, {}};
    const char* host = listening.host;
    if (std::strcmp(host, "*") == 0 || std::strcmp(host, "0.0.0.0") == 0)
        host = "127.0.0.1";
    else if (std::strcmp(host, "::") == 0)
        host = "::1";
    char port[16];
    std::snprintf(port, sizeof port, "%d", listening.port);
    addrinfo wanted = {};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (host[0] == '\0' || getaddrinfo(host, port, &wanted, &found) != 0 || found == nullptr)
        return address;
    address.family = found->ai_family;
    address.length = found->ai_addrlen;
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return address;
}

bool connect_to(const Address& address, const ProbeSocket& socket, core::Timestamp deadline) {
    if (address.length == 0 || socket.file() < 0)
        return false;
    if (connect(socket.file(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) == 0)
        return true;
    if (errno != EINPROGRESS || !socket.wait_for(POLLOUT, deadline))
        return false;
    int why = 0;
    socklen_t size = sizeof why;
    return getsockopt(socket.file(), SOL_SOCKET, SO_ERROR, &why, &size) == 0 && why == 0;
}

/// The database has the probe's name, too: there is none of that name.
core::string startup_packet(const core::string& user, const core::string& database) {
    core::string content;
    const auto add_number = [&content](std::uint32_t number) {
        const std::uint32_t sent = htonl(number);
        content.append(reinterpret_cast<const char*>(&sent), sizeof sent);
    };
    add_number(static_cast<std::uint32_t>(8 + 5 + user.size() + 1 + 9 + database.size() + 1 + 1));
    add_number(3U << 16); // the protocol's version
    content.append("user", 5);
    content.append(user.c_str(), user.size() + 1);
    content.append("database", 9);
    content.append(database.c_str(), database.size() + 1);
    content.push_back('\0');
    return content;
}

Answer ask(const Address& address, const core::string& user, const core::string& database,
           core::Timestamp deadline) {
    Answer answer = {};
    const ProbeSocket socket(address.family);
    const core::string packet = startup_packet(user, database);
    if (!connect_to(address, socket, deadline) || send(socket.file(), packet.data(), packet.size(),
                                                       MSG_NOSIGNAL) != static_cast<ssize_t>(packet.size()))
        return answer;
    while (!answer.is_whole() && answer.length < Answer::longest && socket.wait_for(POLLIN, deadline)) {
        const ssize_t got =
            recv(socket.file(), answer.bytes + answer.length, Answer::longest - answer.length, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            break;
        answer.length += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return answer;
}

struct Answers {
    Answer to_probe;
    Answer to_unknown_role;
    bool is_late; // one of the two logins had no answer in time

    bool are_both() const noexcept { return to_probe.length > 0 && to_unknown_role.length > 0; }
};

/// Over the first address that answers.
Answers ask_both(const core::string& probe) {
    const core::string unknown_role = new_probe_name();
    const Listening where = listening();
    Answers answers = {};
    for (const Address& address : {socket_address(where), tcp_address(where)}) {
        const core::Timestamp deadline = monotonic_now() + longest_login;
        answers.to_probe = ask(address, probe, probe, deadline);
        answers.to_unknown_role = ask(address, unknown_role, probe, deadline);
        answers.is_late = !answers.are_both() && monotonic_now() >= deadline;
        if (answers.are_both())
            break;
    }
    return answers;
}

template <typename IsProof>
HbaProof wait_for_proof(const core::string& probe, IsProof&& is_proof) {
    const core::Timestamp began = monotonic_now();
    int looks = 0;
    for (;;) {
        const Answers answers = ask_both(probe);
        if (is_proof(answers))
            return HbaProof::found;
        looks += answers.is_late ? 0 : 1;
        const core::Timestamp passed = monotonic_now() - began;
        if (passed >= shortest_refutation && looks >= enough_looks)
            return HbaProof::refuted;
        if (passed >= longest_proof)
            return looks > 0 ? HbaProof::refuted : HbaProof::unanswered;
        pause(probe_poll_interval);
    }
}

} // namespace

core::string new_probe_name() {
    char random[9] = "";
    std::uint64_t number = 0;
    if (read_small_file("/dev/urandom", random, sizeof random) == 8)
        std::memcpy(&number, random, sizeof number);
    else
        number =
            static_cast<std::uint64_t>(GetCurrentTimestamp()) * 1000003 + static_cast<unsigned>(MyProcPid);
    char name[NAMEDATALEN];
    std::snprintf(name, sizeof name, "%s%016llx", core::hba::probe_prefix,
                  static_cast<unsigned long long>(number));
    return name;
}

HbaProof prove_block(const core::string& probe) {
    return wait_for_proof(probe, [](const Answers& answers) {
        return answers.to_probe.asks_password() && answers.to_unknown_role.is_rejection();
    });
}

HbaProof prove_no_block(const core::string& probe) {
    return wait_for_proof(probe, [](const Answers& answers) {
        return answers.are_both() &&
               answers.to_probe.asks_password() == answers.to_unknown_role.asks_password();
    });
}

} // namespace sessionctl::pg
