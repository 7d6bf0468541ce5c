#include "tests/explore/explorer.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>
#include <utility>

#include "tests/explore/replay.h"
#include "tests/explore/tree.h"
#include "tests/explore/visited.h"

namespace baton::explore {
namespace {

// States of one block; where states are not kept, a climber walks to each block from the start.
constexpr uint64_t kBlockStates = 256;
// Blocks expanded before they are merged: bounds the memory of what was found.
constexpr uint64_t kRoundBlocks = 32;
// A depth with no more states than this keeps them, about 8 KiB each: where few are met at each
// depth they have little of their paths in common, and making them again would take long.
constexpr uint64_t kWorldsKept = 1 << 13;

struct Found {
  Digest digest;
  StateId parent;
  uint16_t choice;
};

// The states of one depth; with them the worlds, when there are few.
struct Layer {
  uint64_t begin = 0;
  uint64_t end = 0;
  std::vector<World> worlds;  // all or none

  uint64_t size() const { return end - begin; }
};

struct Block {
  StateId begin = 0;
  StateId end = 0;
  bool keep = false;
  std::vector<Found> found;
  std::vector<World> worlds;  // of all `found`, or none
  uint64_t transitions = 0;
  std::string broken;  // the first violation, "" for none
  Found broken_by;
  consensus::Coverage coverage;
};

class Counter : public Watcher {
 public:
  explicit Counter(consensus::Coverage* coverage) : coverage_(*coverage) {}
  void Did(NodeId, const consensus::Action& action) override { coverage_.Count(action); }
  void Sent(const consensus::Message& message) override { coverage_.Count(message); }

 private:
  consensus::Coverage& coverage_;
};

class Search {
 public:
  Search(const World& start, const Limits& limits) : start_(start), limits_(limits) {
    visited_.Insert(start.digest());
  }

  Report Run(const std::function<void(const Report&)>& progress) {
    Layer layer{0, 1, {start_}};
    while (report_.depth_done < limits_.depth_max) {
      report_.at_depth.push_back(0);
      next_worlds_.clear();
      keep_next_ = layer.size() <= kWorldsKept;
      const bool whole = ExploreLayer(layer);
      if (report_.at_depth.back() == 0) report_.at_depth.pop_back();
      if (!whole) break;
      ++report_.depth_done;
      if (progress) progress(report_);
      if (tree_.size() == layer.end) {
        report_.exhausted = true;
        break;
      }
      layer = Layer{layer.end, tree_.size(), std::move(next_worlds_)};
    }
    return std::move(report_);
  }

 private:
  // False: stopped before all was done.
  bool ExploreLayer(const Layer& layer) {
    std::vector<Climber> climbers(limits_.threads, Climber(&tree_, &start_));
    for (uint64_t begin = layer.begin; begin < layer.end;) {
      std::vector<Block> blocks;
      while (begin < layer.end && blocks.size() < kRoundBlocks) {
        const uint64_t end = std::min(begin + kBlockStates, layer.end);
        blocks.push_back({static_cast<StateId>(begin), static_cast<StateId>(end), keep_next_});
        begin = end;
      }
      ExpandAll(layer, &climbers, &blocks);
      for (Block& block : blocks) {
        if (!Merge(&block)) return false;
      }
    }
    return true;
  }

  void ExpandAll(const Layer& layer, std::vector<Climber>* climbers, std::vector<Block>* blocks) {
    std::atomic<size_t> next = 0;
    const auto work = [&](Climber* climber) {
      for (size_t i = next++; i < blocks->size(); i = next++) {
        Expand(layer, climber, &(*blocks)[i]);
      }
    };
    // Worlds that are kept are made and freed by one thread: handing them from one to another costs
    // the allocator more than the other thread would gain.
    const size_t threads = layer.size() <= kWorldsKept ? 1 : climbers->size();
    std::vector<std::thread> others;
    for (size_t i = 1; i < std::min(threads, blocks->size()); ++i) {
      others.emplace_back(work, &(*climbers)[i]);
    }
    work(&climbers->front());
    for (std::thread& other : others) other.join();
  }

  // Takes every choice of every state of the block, until one breaks something.
  void Expand(const Layer& layer, Climber* climber, Block* block) const {
    AbortNote note(&start_, &tree_);
    Counter counter(&block->coverage);
    for (StateId state = block->begin; state < block->end; ++state) {
      const World& world =
          layer.worlds.empty() ? climber->GoTo(state) : layer.worlds[state - layer.begin];
      for (const Choice& choice : world.Choices()) {
        note.Taking(state, choice);
        ++block->transitions;
        World next = world;
        const bool happened = next.Take(choice, &counter);
        if (!next.broken().empty()) {
          block->broken = next.broken();
          block->broken_by = {Digest{}, state, choice.Pack()};
          return;
        }
        if (!happened) continue;
        const Digest digest = next.digest();
        if (visited_.Contains(digest)) continue;
        block->found.push_back({digest, state, choice.Pack()});
        if (block->keep) block->worlds.push_back(std::move(next));
      }
    }
  }

  // False: stop here.
  bool Merge(Block* block) {
    report_.transitions += block->transitions;
    report_.coverage.Add(block->coverage);
    for (size_t i = 0; i < block->found.size(); ++i) {
      const Found& found = block->found[i];
      if (!visited_.Insert(found.digest)) continue;
      tree_.Add(found.parent, Choice::Unpack(found.choice));
      ++report_.states;
      ++report_.at_depth.back();
      if (!keep_next_) continue;
      next_worlds_.push_back(std::move(block->worlds[i]));
      if (next_worlds_.size() > kWorldsKept) {
        keep_next_ = false;
        next_worlds_.clear();
      }
    }
    if (!block->broken.empty()) {
      report_.broken = block->broken;
      report_.path = tree_.PathTo(block->broken_by.parent);
      report_.path.push_back(Choice::Unpack(block->broken_by.choice));
    }
    return report_.broken.empty() && report_.states < limits_.states_max;
  }

  const World& start_;
  const Limits limits_;
  Visited visited_;
  Tree tree_;
  std::vector<World> next_worlds_;  // of the depth being met
  bool keep_next_ = true;           // while they are few; else next_worlds_ is empty
  Report report_;
};

}  // namespace

Report Explore(const World& start, const Limits& limits,
               const std::function<void(const Report&)>& progress) {
  return Search(start, limits).Run(progress);
}

}  // namespace baton::explore
