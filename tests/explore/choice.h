// Choice: one thing that happens next in a World, and its text for replays.
//
//   t1 w1 d0 c2+1    node 1 ticks, then completes a write; message 0 arrives; node 2 crashes, and
//                    one more record of what it was writing has landed
//
// Two bytes when packed. A path of choices from a world's start names one state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace baton::explore {

enum class Act : uint8_t {
  kDeliver,   // of a message: it arrives
  kEcho,      // of a message: a copy arrives, and it stays on its way
  kDrop,      // of a message: it is lost
  kWrite,     // of a node, as all below: its oldest Persist is on disk, what waited for it leaves
  kHear,      // its core hears of the Persists that completed
  kReadBack,  // its oldest ReadLog completes
  kTick,      // its deadline is reached, and it hears of it
  kAdvance,   // time moves to its deadline; whoever is due may hear of it, or late
  kCrash,     // its memory is lost; `extra` more records reach its disk
  kRestart,
  kPropose,
  kAsk,       // a linearizable read is asked of it
  kFlush,     // its engine has on disk what is applied
  kTruncate,  // its log is truncated up to what is flushed
  kStop,      // its process is told to stop
  kMembers,   // as its leader it is asked for the members of a list; `extra`: the list's number
  kSeal,      // as its leader it hands over to node `extra`
  kGiveUp,    // and gives that up
  kStall,     // its disk falls behind: from now on it completes something only when chosen
  kNext,      // of nobody, as all below: the message first in line arrives
  kLoosen,    // it leaves the line, and may arrive at any time or never
  kCopy,      // it arrives, and a copy of it may do so again
};

struct Choice {
  Act act = Act::kDeliver;
  uint8_t subject = 0;  // number of a message on the network, or of a node
  uint8_t extra = 0;    // shares a byte with the node it is about

  static constexpr uint8_t kExtraMax = 15;
  static constexpr uint8_t kNodeMax = 15;
  bool has_extra() const { return act == Act::kCrash || act == Act::kMembers || act == Act::kSeal; }

  uint16_t Pack() const;
  static Choice Unpack(uint16_t packed);
  friend bool operator==(const Choice&, const Choice&) = default;
};

using Path = std::vector<Choice>;

std::string ToText(const Choice& choice);
std::string ToText(const Path& path);                  // separated by spaces
std::optional<Path> ParsePath(std::string_view text);  // by spaces or commas; nullopt: malformed

}  // namespace baton::explore
