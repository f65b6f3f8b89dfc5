#include "pg/client_presence.hpp"

#ifdef __linux__

#include "pg/process_sockets.hpp"
#include "pg/server_socket.hpp"
#include "pg/socket_diagnosis.hpp"

extern "C" {
#include "postmaster/postmaster.h"
}

#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace sessionctl::pg {

namespace {

constexpr std::uint8_t receives_no_more = 1; // the kernel's RCV_SHUTDOWN

/// Has the other end neither closed the connection nor reset it?
bool is_open_at_the_other_end(std::uint8_t state) noexcept {
    switch (state) {
    case TCP_CLOSE_WAIT:
    case TCP_LAST_ACK:
    case TCP_CLOSING:
    case TCP_TIME_WAIT:
    case TCP_CLOSE:
        return false;
    default:
        return true;
    }
}

bool is_address_of(const inet_diag_sockid& socket, const SockAddr& client) noexcept {
    if (client.addr.ss_family == AF_INET6)
        return std::memcmp(socket.idiag_dst, &reinterpret_cast<const sockaddr_in6&>(client.addr).sin6_addr,
                           sizeof(in6_addr)) == 0;
    return socket.idiag_dst[0] == reinterpret_cast<const sockaddr_in&>(client.addr).sin_addr.s_addr;
}

/// A connection that was reset is in no list of the kernel's any more, though its process still has the
/// socket.
ClientPresence presence_over_tcp(SocketDiagnosis& diagnosis, const SockAddr& client) noexcept {
    inet_diag_req_v2 request = {};
    request.sdiag_family = static_cast<std::uint8_t>(client.addr.ss_family);
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = ~0U;
    request.id.idiag_sport = htons(static_cast<std::uint16_t>(PostPortNumber));
    request.id.idiag_dport = htons(static_cast<std::uint16_t>(port_of(client.addr)));
    bool is_there = false;
    const bool is_told = diagnosis.ask(request, NLM_F_DUMP, [&](nlmsghdr& header) {
        const auto& socket = *static_cast<const inet_diag_msg*>(NLMSG_DATA(&header));
        is_there |= is_address_of(socket.id, client) && is_open_at_the_other_end(socket.idiag_state);
    });
    if (!is_told)
        return ClientPresence::unknown;
    return is_there ? ClientPresence::there : ClientPresence::gone;
}

/// Unknown also of a socket that is not the one to the client.
ClientPresence presence_in(nlmsghdr& header) noexcept {
    auto* const socket = static_cast<unix_diag_msg*>(NLMSG_DATA(&header));
    int length = static_cast<int>(header.nlmsg_len) - static_cast<int>(NLMSG_LENGTH(sizeof *socket));
    bool is_to_client = false;
    ClientPresence presence = ClientPresence::unknown;
    for (auto* attribute = reinterpret_cast<rtattr*>(socket + 1); RTA_OK(attribute, length);
         attribute = RTA_NEXT(attribute, length)) {
        const auto* const data = static_cast<const char*>(RTA_DATA(attribute));
        if (attribute->rta_type == UNIX_DIAG_NAME)
            is_to_client = is_name_of_server_socket(data, RTA_PAYLOAD(attribute));
        else if (attribute->rta_type == UNIX_DIAG_SHUTDOWN)
            presence = (*data & receives_no_more) != 0 ? ClientPresence::gone : ClientPresence::there;
    }
    return is_to_client && socket->udiag_state == TCP_ESTABLISHED ? presence : ClientPresence::unknown;
}

ClientPresence presence_over_unix_socket(SocketDiagnosis& diagnosis, pid_t pid) noexcept {
    ClientPresence presence = ClientPresence::unknown;
    for_each_socket(pid, [&](int, unsigned inode) {
        unix_diag_req request = {};
        request.sdiag_family = AF_UNIX;
        request.udiag_states = ~0U;
        request.udiag_ino = inode;
        request.udiag_show = UDIAG_SHOW_NAME;
        request.udiag_cookie[0] = request.udiag_cookie[1] = ~0U; // any
        diagnosis.ask(request, 0, [&](nlmsghdr& header) { presence = presence_in(header); });
        return presence != ClientPresence::unknown;
    });
    return presence;
}

} // namespace

ClientPresence client_presence_of(pid_t pid, const SockAddr& client) noexcept {
    SocketDiagnosis diagnosis;
    switch (client.addr.ss_family) {
    case AF_UNIX:
        return presence_over_unix_socket(diagnosis, pid);
    case AF_INET:
    case AF_INET6:
        return presence_over_tcp(diagnosis, client);
    }
    return ClientPresence::unknown;
}

} // namespace sessionctl::pg

#else

namespace sessionctl::pg {

ClientPresence client_presence_of(pid_t, const SockAddr&) noexcept {
    return ClientPresence::unknown;
}

} // namespace sessionctl::pg

#endif
