#include "pg/clients/client_presence.hpp"

#ifdef __linux__

#include "pg/clients/process_sockets.hpp"
#include "pg/clients/server_socket.hpp"
#include "pg/clients/socket_diagnosis.hpp"

extern "C" {
#include "postmaster/postmaster.h"
}

#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace sessionctl::pg {

namespace {

constexpr std::uint8_t receives_no_more = 1; // the kernel's RCV_SHUTDOWN

/// The other end has neither closed nor reset the connection.
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

bool is_address_of(const std::uint32_t (&address)[4], const SockAddr& client) noexcept {
    if (client.addr.ss_family == AF_INET6)
        return std::memcmp(address, &reinterpret_cast<const sockaddr_in6&>(client.addr).sin6_addr,
                           sizeof(in6_addr)) == 0;
    return address[0] == reinterpret_cast<const sockaddr_in&>(client.addr).sin_addr.s_addr;
}

/// Calls `visit` for each TCP connection to this server from that client port (0: any) whose other end is
/// open. False if the kernel did not report all of them.
template <typename Visit>
bool for_each_connection(SocketDiagnosis& diagnosis, int family, int port, Visit&& visit) {
    inet_diag_req_v2 request = {};
    request.sdiag_family = static_cast<std::uint8_t>(family);
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = ~0U;
    request.id.idiag_sport = htons(static_cast<std::uint16_t>(PostPortNumber));
    request.id.idiag_dport = htons(static_cast<std::uint16_t>(port));
    return diagnosis.query(request, NLM_F_DUMP, [&](nlmsghdr& header) {
        const auto& socket = *static_cast<const inet_diag_msg*>(NLMSG_DATA(&header));
        if (is_open_at_the_other_end(socket.idiag_state))
            visit(socket.id);
    });
}

/// The kernel no longer lists a connection that was reset, though the backend still has the socket.
ClientPresence presence_over_tcp(SocketDiagnosis& diagnosis, const SockAddr& client) noexcept {
    bool is_there = false;
    const bool is_told = for_each_connection(
        diagnosis, client.addr.ss_family, port_of(client.addr),
        [&](const inet_diag_sockid& id) { is_there |= is_address_of(id.idiag_dst, client); });
    if (!is_told)
        return ClientPresence::unknown;
    return is_there ? ClientPresence::there : ClientPresence::gone;
}

/// Unknown also for a socket that is not the client's.
ClientPresence presence_at(SocketDiagnosis& diagnosis, std::uint32_t inode) noexcept {
    bool is_to_client = false;
    ClientPresence presence = ClientPresence::unknown;
    diagnosis.query_unix_socket(inode, UDIAG_SHOW_NAME, [&](const unix_diag_msg& socket, rtattr& attribute) {
        const auto* const data = static_cast<const char*>(RTA_DATA(&attribute));
        if (attribute.rta_type == UNIX_DIAG_NAME)
            is_to_client = socket.udiag_state == TCP_ESTABLISHED &&
                           is_name_of_server_socket(data, RTA_PAYLOAD(&attribute));
        else if (attribute.rta_type == UNIX_DIAG_SHUTDOWN)
            presence = (*data & receives_no_more) != 0 ? ClientPresence::gone : ClientPresence::there;
    });
    return is_to_client ? presence : ClientPresence::unknown;
}

ClientPresence presence_over_unix_socket(SocketDiagnosis& diagnosis, pid_t pid) noexcept {
    ClientPresence presence = ClientPresence::unknown;
    for_each_socket(pid, [&](int, unsigned inode) {
        presence = presence_at(diagnosis, inode);
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

void ClientConnections::read(List& list, int family) {
    SocketDiagnosis diagnosis;
    for_each_connection(diagnosis, family, 0, [&list](const inet_diag_sockid& id) {
        Connection connection = {{}, ntohs(id.idiag_dport)};
        std::memcpy(connection.address, id.idiag_dst, sizeof connection.address);
        list.connections.push_back(connection);
    });
    list.is_read = true;
}

bool ClientConnections::lists(const SockAddr& client) {
    const int family = client.addr.ss_family;
    List& list = family == AF_INET6 ? ipv6_ : ipv4_;
    if (!list.is_read)
        read(list, family);
    const int port = port_of(client.addr);
    return std::any_of(list.connections.begin(), list.connections.end(), [&](const Connection& each) {
        return each.port == port && is_address_of(each.address, client);
    });
}

ClientPresence ClientConnections::presence_of(pid_t pid, const SockAddr& client) {
    const bool is_tcp = client.addr.ss_family == AF_INET || client.addr.ss_family == AF_INET6;
    return is_tcp && lists(client) ? ClientPresence::there : client_presence_of(pid, client);
}

} // namespace sessionctl::pg

#else

namespace sessionctl::pg {

ClientPresence client_presence_of(pid_t, const SockAddr&) noexcept {
    return ClientPresence::unknown;
}

ClientPresence ClientConnections::presence_of(pid_t, const SockAddr&) {
    return ClientPresence::unknown;
}

} // namespace sessionctl::pg

#endif
