#include "server/addresses.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>

namespace baton::server {

std::string NameProblem(const std::string& name) {
  if (name.empty()) return "a node needs a name";
  if (name.size() > kNameBytesMax) {
    return "\"" + name.substr(0, 20) + "...\" is longer than 63 characters";
  }
  const auto letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const bool fits = letter_or_digit(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
                      return letter_or_digit(c) || c == '-' || c == '_' || c == '.';
                    });
  if (fits) return "";
  return "\"" + name + "\" is no name: use letters, digits, - _ . and start with a letter or digit";
}

std::string AddressProblem(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return "\"" + address + "\" is no address: write HOST:PORT";
  }
  const std::string port = address.substr(colon + 1);
  const bool digits =
      !port.empty() && port.size() <= 5 &&
      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || std::stoi(port) < 1 || std::stoi(port) > 65535) {
    return "\"" + address + "\" has no port from 1 to 65535";
  }
  const std::string host = address.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (!bracketed && host.find_first_of(":[]/ ") != std::string::npos) {
    return "\"" + address + "\" is no address: write HOST:PORT, and IPv6 as [::1]:PORT";
  }
  if (host == "0.0.0.0" || host == "[::]") {
    return "\"" + address + "\" tells others nothing: give a host that they can reach";
  }
  return "";
}

std::string HostOf(const std::string& address) {
  std::string host = address.substr(0, address.rfind(':'));
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return host;
}

int PortOf(const std::string& address) { return std::stoi(address.substr(address.rfind(':') + 1)); }

bool IsLoopback(const std::string& address) {
  const std::string host = HostOf(address);
  in_addr ipv4{};
  const bool is_ipv4 = inet_pton(AF_INET, host.c_str(), &ipv4) == 1;
  return host == "localhost" || host == "::1" || (is_ipv4 && host.rfind("127.", 0) == 0);
}

}  // namespace baton::server
