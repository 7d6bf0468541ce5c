// MergeCursor: one pass over the engine's rows and the layers that lie over them, in key order or
// in reverse. One thread; what it was made from outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/state/layer.h"
#include "engine/storage/engine.h"
#include "engine/storage/key_encoding.h"

namespace baton::engine {

class MergeCursor {
 public:
  // `base` is bounded by `range`; `layers` newest first.
  MergeCursor(std::unique_ptr<Iterator> base, const std::vector<const Layer*>& layers,
              KeyRange range, bool reverse);

  // Moves to the next row that is visible (the first call: to the first). False at the end, or at
  // an error: see status(). UNAVAILABLE: the base iterator's tier would have to wait.
  bool Next();
  // Engine key and row. REQUIRES of both: Next() returned true. Valid until the next call of Next.
  std::string_view key() const { return key_; }
  std::string_view row() const { return row_; }
  const absl::Status& status() const { return status_; }
  // Keys looked at, hidden and deleted ones included.
  uint64_t visited() const { return visited_; }

 private:
  // Where the pass stands in one layer. Reads ahead a chunk at a time.
  struct Source {
    const Layer* layer;
    std::vector<Span> hidden;
    std::vector<Change> chunk;
    size_t at = 0;
    bool more = true;  // the layer may have changes past the chunk
  };

  void Start();
  void Refill(Source* source);
  const Change* Head(Source* source);
  bool Before(std::string_view a, std::string_view b) const { return reverse_ ? a > b : a < b; }
  // The next key of any source, or nullopt at the end.
  std::optional<std::string_view> NextKey();
  void MoveBase();
  // Moves the base past the span.
  void SkipHidden(const Span& span);
  // The span deleted in the layer that covers the key, or null.
  const Span* HiddenBy(const Source& source, std::string_view key) const;

  std::unique_ptr<Iterator> base_;
  std::vector<Source> sources_;  // newest first
  const KeyRange range_;
  const bool reverse_;
  bool started_ = false;
  bool base_due_ = false;  // the base stands on a key that is dealt with, and must move
  uint64_t visited_ = 0;
  std::string_view key_;
  std::string_view row_;
  absl::Status status_;
};

}  // namespace baton::engine
