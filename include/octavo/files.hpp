// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of files/: includes everything in that folder.

#include <octavo/files/append_log.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/files/crc32c.hpp>
#include <octavo/files/file_descriptor.hpp>
#include <octavo/files/file_kind.hpp>
#include <octavo/files/file_stamp.hpp>
#include <octavo/files/file_system.hpp>
#include <octavo/files/folder_lock.hpp>
#include <octavo/files/list_directory.hpp>
#include <octavo/files/list_files_recursive.hpp>
#include <octavo/files/mapped_file.hpp>
#include <octavo/files/page_block.hpp>
#include <octavo/files/read_file.hpp>
#include <octavo/files/stream.hpp>
#include <octavo/files/xxh64.hpp>
