// Names and addresses as configuration and plans give them. Functions, any thread.
#pragma once

#include <string>

namespace baton::server {

inline constexpr size_t kNameBytesMax = 63;

// Why `name` cannot name a node; empty: it can. 1 to 63 of a-z A-Z 0-9 - _ . and a letter or digit
// first.
std::string NameProblem(const std::string& name);

// Why `address` is not HOST:PORT, [IPV6]:PORT with a port from 1 to 65535 that others can reach;
// empty: it is.
std::string AddressProblem(const std::string& address);

// Both halves of an address without a problem; brackets of IPv6 are taken off.
std::string HostOf(const std::string& address);
int PortOf(const std::string& address);

// Whether only this machine reaches an address without a problem: 127.…, ::1 or localhost.
bool IsLoopback(const std::string& address);

}  // namespace baton::server
