// Images that are directories of files: a stream is the list of their names and sizes, then their
// bytes one after the other.
//
//   stream := length (fixed32) of the list, list, bytes of each file
//   list   := version (u8 = 1), {name (string), bytes (varint)}*
//
// Functions, any thread. They block on the disk. Errors: INTERNAL names the file.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/storage/image.h"

namespace baton::engine {

absl::StatusOr<std::unique_ptr<ImageReader>> OpenFileImage(const std::string& directory);
// The directory is made anew, without what it held.
absl::StatusOr<std::unique_ptr<ImageWriter>> NewFileImage(const std::string& directory);

// Makes a directory's names survive a power cut.
absl::Status SyncFileDirectory(const std::string& directory);

}  // namespace baton::engine
