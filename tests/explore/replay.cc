#include "tests/explore/replay.h"

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "tests/consensus/text.h"

namespace baton::explore {
namespace {

class Writer : public Watcher {
 public:
  void Did(NodeId node, const consensus::Action& action) override {
    text_ += "  " + std::to_string(node.value) + ": " + ToText(action) + "\n";
  }
  void Sent(const consensus::Message&) override {}
  void Line(const std::string& line) { text_ += line + "\n"; }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace

std::string ReplayCommand(const std::string& world, const Path& path) {
  return "baton-explore --world " + world + " --replay '" + ToText(path) + "'";
}

std::string Transcript(const World& start, const Path& path) {
  World world = start;
  world.Allow(Budgets::Ample());
  Writer writer;
  size_t number = 0;
  for (const Choice& choice : path) {
    const std::vector<Choice> choices = world.Choices();
    if (std::find(choices.begin(), choices.end(), choice) == choices.end()) {
      writer.Line(ToText(choice) + " cannot happen here: a path of another world or build?");
      break;
    }
    writer.Line(std::to_string(++number) + ". " + ToText(choice) + ": " + world.Describe(choice));
    world.Take(choice, &writer);
    if (!world.broken().empty()) {
      writer.Line("BROKEN: " + world.broken());
      break;
    }
  }
  return writer.Take();
}

// ---- AbortNote

thread_local const AbortNote* AbortNote::current_ = nullptr;

void AbortNote::HandleAborts() { std::signal(SIGABRT, &AbortNote::Print); }

// The signal comes from abort() on this very thread, called by a check that failed and not from
// within the allocator: so memory may be had.
void AbortNote::Print(int) {
  if (current_ == nullptr) return;
  Path path = current_->tree_.PathTo(current_->state_);
  path.push_back(current_->choice_);
  const std::string line = ReplayCommand(current_->start_.scene().name, path);
  std::fprintf(stderr, "a check failed; replay it with\n%s\n", line.c_str());
}

}  // namespace baton::explore
