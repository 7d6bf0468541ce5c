// The names of peer messages, as fault commands and docs/operations.md spell them. Functions, any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "consensus/message.h"

namespace baton::server {

// An Accept without entries is a "heartbeat".
std::string_view MessageKind(const consensus::MessageBody& body);

// All that MessageKind can return.
const std::vector<std::string>& MessageKinds();

}  // namespace baton::server
