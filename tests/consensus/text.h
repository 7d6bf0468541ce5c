// Messages and actions as the transcripts of tests/scenarios show them.
#pragma once

#include <string>

#include "consensus/action.h"
#include "consensus/message.h"

namespace baton::consensus {

std::string ToText(const Entry& entry);  // "3@2.1 Reign" or "4@2.1 'bytes'"
std::string ToText(const std::vector<Member>& members);
std::string ToText(const Membership& membership);  // "epoch 2 {1 2 4L} and {1 2 3}"
std::string ToText(const Message& message);        // "1->2 Prepare 2.1"
std::string ToText(const Action& action);
std::string ToText(Refusal refusal);

}  // namespace baton::consensus
