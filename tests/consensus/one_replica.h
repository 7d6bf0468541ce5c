// One replica alone, for tests that hand it one event after the other: how it is made, told things,
// and what is found in its actions.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "consensus/replica.h"
#include "tests/consensus/cluster.h"

namespace baton::consensus {

constexpr NodeId N(uint32_t value) { return NodeId{value}; }
constexpr Ballot B(uint64_t round, uint32_t node) { return Ballot{round, NodeId{node}}; }
constexpr EntryId Id(uint64_t slot, uint64_t round, uint32_t node) {
  return EntryId{B(round, node), Slot{slot}};
}

inline Membership Three() {
  return {
      Epoch{1}, {{N(1), Role::kVoter, ""}, {N(2), Role::kVoter, ""}, {N(3), Role::kVoter, ""}}, {}};
}

inline Replica Make(Recovered recovered, uint32_t self = 1) {
  recovered.hard_state.configurations = Configurations({{EntryId{}, Three()}});
  return Replica(Config{.self = N(self)}, recovered, 0);
}

inline Actions Receive(Replica* replica, uint32_t from, MessageBody body, int64_t now_us = 0) {
  return replica->Step(
      Event{now_us, Received{Message{N(from), replica->self(), kFirstGroup, std::move(body)}}});
}

template <class T>
const T* Find(const Actions& actions) {
  for (const Action& action : actions) {
    if (const auto* found = std::get_if<T>(&action)) return found;
  }
  return nullptr;
}

template <class T>
const T* FindSent(const Actions& actions) {
  for (const Action& action : actions) {
    if (const auto* send = std::get_if<Send>(&action)) {
      if (const auto* body = std::get_if<T>(&send->message.body)) return body;
    }
    if (const auto* persist = std::get_if<Persist>(&action)) {
      for (const Message& message : persist->then_send) {
        if (const auto* body = std::get_if<T>(&message.body)) return body;
      }
    }
  }
  return nullptr;
}

// Fails the test, and goes on with an empty one, where there is none.
template <class T>
T MustFindSent(const Actions& actions) {
  const T* const found = FindSent<T>(actions);
  EXPECT_NE(found, nullptr);
  return found == nullptr ? T{} : *found;
}

inline Accept AcceptOf(const EntryId& prev, std::vector<Entry> entries, Slot commit = Slot{}) {
  return Accept{.ballot = B(5, 2),
                .prev = prev,
                .entries = std::move(entries),
                .commit = commit,
                .sent_at_us = 7,
                .lease_us = 500'000};
}

// Elects node 1 over a log truncated up to slot 3, with node 2's help; its Reign is not chosen yet.
inline Replica Winner() {
  Replica replica = Make({.base = Id(3, 1, 1), .last = Slot{3}, .applied = Slot{3}});
  replica.Step(Event{0, Tick{}});
  Receive(&replica, 2, CanvassReply{B(1, 1), true, Refusal::kNone, B(1, 1)});
  replica.Step(Event{0, Persisted{1}});
  const Actions won = Receive(&replica, 2, Promise{B(2, 1), Id(3, 1, 1)});
  const OpenReign open = *Find<OpenReign>(won);
  replica.Step(Event{0, Proposed{MakeEntry(open.id, "reign", open.reign)}});
  replica.Step(Event{0, Persisted{2}});
  return replica;
}

inline Replica Leader() {
  Replica replica = Winner();
  Receive(&replica, 2, Accepted{.ballot = B(2, 1), .matched = true, .match = Slot{4}});
  return replica;
}

}  // namespace baton::consensus
