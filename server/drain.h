// Drain: a node that is about to stop gives leadership away first, so that nobody waits for a
// lease.
#pragma once

#include <chrono>
#include <string>

#include "server/replica/node.h"

namespace baton::server {

// If the node leads, starts a handover to the best-ranked with the reason `drain`, and waits until
// another leads, or it is clear that none will, or `patience` is over. Says in the log what came of
// it. Nothing depends on it: a leader that stops without is followed after an election.
void Drain(Node* node, const std::string& name, std::chrono::milliseconds patience);

}  // namespace baton::server
