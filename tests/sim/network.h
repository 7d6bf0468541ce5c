// Network: what carries messages between the machines of a simulation, and how badly.
//
// A link is one direction between two nodes. It may be cut (loses everything, what is under way
// too) or clogged (holds everything, then releases it at once). The weather is that of all links:
// delays, losses, duplicates. Unless `reorder` is set a link keeps its order, as a connection does.
//
// One thread. Random and schedule outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "consensus/message.h"
#include "tests/sim/coverage.h"
#include "tests/sim/random.h"
#include "tests/sim/schedule.h"

namespace baton::sim {

struct Weather {
  int64_t delay_us_min = 50;
  int64_t delay_us_max = 300;
  double drop = 0;
  double duplicate = 0;
  double late = 0;  // of each message: delayed by up to late_us_max
  int64_t late_us_max = 100'000;
  bool reorder = false;
};

class Network {
 public:
  static constexpr size_t kClogMax = 4'096;  // messages that a clogged link holds; more are lost

  using Deliver = std::function<void(consensus::Message)>;
  // Nodes count from 1. `through_codec`: messages become bytes on the way, as they really do.
  Network(Schedule* schedule, Random* random, Coverage* coverage, uint32_t nodes,
          bool through_codec, Deliver deliver);

  void Send(consensus::Message message);

  void Cut(uint32_t from, uint32_t to, bool cut) { LinkOf(from, to).cut = cut; }
  bool IsCut(uint32_t from, uint32_t to) const { return links_[(from - 1) * nodes_ + to - 1].cut; }
  void Clog(uint32_t from, uint32_t to) { LinkOf(from, to).clogged = true; }
  void Unclog(uint32_t from, uint32_t to);
  void Heal(uint32_t from, uint32_t to);

  Weather& weather() { return weather_; }
  uint32_t nodes() const { return nodes_; }

 private:
  struct Link {
    bool cut = false;
    bool clogged = false;
    int64_t last_arrival_us = 0;  // of what is under way
    std::vector<consensus::Message> held;
  };

  Link& LinkOf(uint32_t from, uint32_t to) { return links_[(from - 1) * nodes_ + to - 1]; }
  void Carry(Link* link, consensus::Message message, int64_t delay_us);
  int64_t Delay();

  Schedule* const schedule_;
  Random* const random_;
  Coverage* const coverage_;
  const uint32_t nodes_;
  const bool through_codec_;
  const Deliver deliver_;
  Weather weather_;
  std::vector<Link> links_;
};

}  // namespace baton::sim
