#include "engine/state/merge_cursor.h"

#include <algorithm>
#include <utility>

namespace baton::engine {
namespace {

constexpr size_t kChunk = 64;  // changes read ahead of a layer at a time, under its lock

}  // namespace

MergeCursor::MergeCursor(std::unique_ptr<Iterator> base, const std::vector<const Layer*>& layers,
                         KeyRange range, bool reverse)
    : base_(std::move(base)), range_(std::move(range)), reverse_(reverse) {
  for (const Layer* layer : layers) sources_.push_back(Source{layer, layer->Hidden(), {}});
}

void MergeCursor::Start() {
  started_ = true;
  if (reverse_) {
    base_->SeekToLast();
  } else {
    base_->SeekToFirst();
  }
}

void MergeCursor::MoveBase() {
  base_due_ = false;
  if (reverse_) {
    base_->Prev();
  } else {
    base_->Next();
  }
}

void MergeCursor::Refill(Source* source) {
  std::string from = reverse_ ? range_.end : range_.begin;
  if (!source->chunk.empty()) {
    from = source->chunk.back().key;
    if (!reverse_) from.push_back('\0');
  }
  source->chunk.clear();
  source->at = 0;
  source->layer->Collect(reverse_ ? std::string_view(range_.begin) : from,
                         reverse_ ? from : std::string_view(range_.end), reverse_, kChunk,
                         &source->chunk);
  source->more = source->chunk.size() == kChunk;
}

const Change* MergeCursor::Head(Source* source) {
  if (source->at == source->chunk.size() && source->more) Refill(source);
  return source->at < source->chunk.size() ? &source->chunk[source->at] : nullptr;
}

std::optional<std::string_view> MergeCursor::NextKey() {
  std::optional<std::string_view> next;
  if (base_->Valid()) next = base_->key();
  for (Source& source : sources_) {
    const Change* head = Head(&source);
    if (head != nullptr && (!next || Before(head->key, *next))) next = head->key;
  }
  return next;
}

const Span* MergeCursor::HiddenBy(const Source& source, std::string_view key) const {
  const auto after = std::partition_point(source.hidden.begin(), source.hidden.end(),
                                          [key](const Span& span) { return span.begin <= key; });
  if (after == source.hidden.begin()) return nullptr;
  const Span& span = *std::prev(after);
  return key < span.end ? &span : nullptr;
}

void MergeCursor::SkipHidden(const Span& span) {
  base_due_ = false;
  if (reverse_) {
    base_->SeekForPrev(span.begin);
    base_due_ = base_->Valid() && base_->key() == span.begin;
  } else {
    base_->Seek(span.end);
  }
}

bool MergeCursor::Next() {
  if (!started_) Start();
  for (;;) {
    if (base_due_) MoveBase();
    if (!base_->Valid() && !base_->status().ok()) {
      status_ = base_->status();
      return false;
    }
    const std::optional<std::string_view> key = NextKey();
    if (!key) return false;
    ++visited_;
    // The newest source that knows the key decides; the base, if none does.
    const bool in_base = base_->Valid() && base_->key() == *key;
    std::optional<Change> change;
    const Span* hidden = nullptr;
    for (Source& source : sources_) {
      const Change* head = Head(&source);
      const bool stands_here = head != nullptr && head->key == *key;
      if (!change && hidden == nullptr) {
        if (stands_here) {
          change = *head;
        } else {
          hidden = HiddenBy(source, *key);
        }
      }
      if (stands_here) ++source.at;
    }
    base_due_ = in_base;
    if (change && !change->deleted) {
      key_ = change->key;
      row_ = change->row;
      return true;
    }
    if (!change && hidden == nullptr) {
      key_ = base_->key();
      row_ = base_->value();
      return true;
    }
    if (hidden != nullptr && in_base) SkipHidden(*hidden);
  }
}

}  // namespace baton::engine
