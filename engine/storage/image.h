// Images: what Engine::Checkpoint makes and Engine::Restore takes, as one stream of bytes, so that
// a copy can travel. A stream means something only to the kind of engine that gave it.
//
// One thread each. They block on the disk. Errors are those of the engine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace baton::engine {

class ImageReader {
 public:
  virtual ~ImageReader() = default;
  virtual uint64_t bytes() const = 0;  // of the whole stream
  // Up to `size` bytes from `position` on; fewer only at the end.
  virtual absl::StatusOr<std::string> Read(uint64_t position, size_t size) const = 0;
};

// Takes a stream from its beginning, piece by piece.
class ImageWriter {
 public:
  virtual ~ImageWriter() = default;
  virtual absl::Status Append(std::string_view bytes) = 0;  // DATA_LOSS: not such a stream
  // The image is whole and survives a power cut; it can be restored. DATA_LOSS: it is not whole.
  virtual absl::Status Finish() = 0;
};

}  // namespace baton::engine
