// SPDX-License-Identifier: MIT
#include "generate/line_editor.hpp"

#include <array>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <langinfo.h>
#include <string_view>
#include <sys/select.h>
#include <unistd.h>
#if defined(OCTAVO_LIBEDIT)
#include <histedit.h>
#endif

namespace generate {
namespace {

volatile std::sig_atomic_t interrupted = 0;
struct sigaction action_before;

}  // namespace

InterruptFlag::InterruptFlag() {
  interrupted = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = SA_RESTART;  // pending output is still written
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &action_before);
}

InterruptFlag::~InterruptFlag() { sigaction(SIGINT, &action_before, nullptr); }

bool InterruptFlag::raised() noexcept { return interrupted != 0; }

void InterruptFlag::lower() noexcept { interrupted = 0; }

#if defined(OCTAVO_LIBEDIT)

class LineEditor::Libedit {
 public:
  Libedit() : edit_(el_init("generate", stdin, stdout, stderr)), history_(history_init()) {
    if (edit_ == nullptr || history_ == nullptr) return;
    HistEvent event;
    history(history_, &event, H_SETSIZE, 1000);
    history(history_, &event, H_SETUNIQUE, 1);
    el_set(edit_, EL_CLIENTDATA, this);
    el_set(edit_, EL_HIST, history, history_);
    el_set(edit_, EL_PROMPT, &Libedit::prompt_of);
    el_set(edit_, EL_SIGNAL, 1);
    el_set(edit_, EL_EDITOR, "emacs");
    // While a line is edited, Ctrl-C and Ctrl-Z are keys; while the model writes, they are signals.
    el_set(edit_, EL_SETTY, "-d", "-isig", nullptr);
    el_set(edit_, EL_ADDFN, "octavo-interrupt", "empty the line, or end", &Libedit::interrupt);
    el_set(edit_, EL_ADDFN, "octavo-suspend", "stop the program for a while", &Libedit::suspend);
    bind("^C", "octavo-interrupt");
    bind("^Z", "octavo-suspend");
    bind("^W", "ed-delete-prev-word");
    bind("^U", "vi-kill-line-prev");
    bind("^R", "em-inc-search-prev");
    bind("\\e[3~", "ed-delete-next-char");
    for (const char* home : {"\\e[H", "\\eOH", "\\e[1~"}) bind(home, "ed-move-to-beg");
    for (const char* end : {"\\e[F", "\\eOF", "\\e[4~"}) bind(end, "ed-move-to-end");
    bind("\\e[1;5D", "ed-prev-word");
    bind("\\e[1;5C", "em-next-word");
    el_source(edit_, nullptr);
  }
  ~Libedit() {
    if (edit_ != nullptr) el_end(edit_);
    if (history_ != nullptr) history_end(history_);
  }
  Libedit(const Libedit&) = delete;
  Libedit& operator=(const Libedit&) = delete;

  bool works() const noexcept { return edit_ != nullptr && history_ != nullptr; }

  bool read(std::string& line) {
    do {
      emptied_ = false;
      int size = 0;
      el_set(edit_, EL_PREP_TERM, 1);  // before the prompt is shown
      const char* const got = el_gets(edit_, &size);
      if (emptied_) continue;
      if (got == nullptr || size <= 0) return false;
      line.assign(got, static_cast<std::size_t>(size));
    } while (emptied_);
    if (line.ends_with('\n')) line.pop_back();
    HistEvent event;
    if (!line.empty()) history(history_, &event, H_ENTER, line.c_str());
    return true;
  }

 private:
  void bind(const char* key, const char* what) { el_set(edit_, EL_BIND, key, what, nullptr); }

  // Called by libedit.
  static char* prompt_of(EditLine*) {
    static char text[] = "> ";
    return text;
  }

  static unsigned char suspend(EditLine*, int) {
    std::raise(SIGTSTP);
    return CC_REFRESH;
  }

  static unsigned char interrupt(EditLine* edit, int) {
    void* data = nullptr;
    el_get(edit, EL_CLIENTDATA, &data);
    const LineInfo* const line = el_line(edit);
    if (line->lastchar == line->buffer) return CC_EOF;
    static_cast<Libedit*>(data)->emptied_ = true;
    std::fputs("^C\n", stdout);
    return CC_NEWLINE;
  }

  EditLine* edit_;
  History* history_;
  bool emptied_ = false;  ///< Ctrl-C has cleared the line
};

#else

/// Built without libedit.
class LineEditor::Libedit {
 public:
  bool works() const noexcept { return false; }
  bool read(std::string&) { return false; }
};

#endif

namespace {

/// Reads a line without editing. Ctrl-C arrives before or during this wait, and is never missed.
bool read_at_terminal(std::string& line) {
  sigset_t interrupt, before;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  sigprocmask(SIG_BLOCK, &interrupt, &before);
  std::fputs("> ", stdout);
  bool goes_on = std::fflush(stdout) == 0 && interrupted == 0;
  while (goes_on && !line.ends_with('\n')) {
    fd_set input;
    FD_ZERO(&input);
    FD_SET(STDIN_FILENO, &input);
    std::array<char, 4096> piece;
    ssize_t size = -1;
    if (::pselect(STDIN_FILENO + 1, &input, nullptr, nullptr, nullptr, &before) > 0) {
      size = ::read(STDIN_FILENO, piece.data(), piece.size());
    }
    if (size > 0) line.append(piece.data(), static_cast<std::size_t>(size));
    goes_on = size > 0 || (size < 0 && errno == EINTR && interrupted == 0);
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (interrupted != 0) return false;
  const bool whole = line.ends_with('\n');
  if (whole) line.pop_back();
  return whole || !line.empty();
}

/// Lines are UTF-8 in every language; the rest of the locale stays "C".
void expect_utf8() {
  std::setlocale(LC_CTYPE, "");
  if (std::string_view(nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
}

}  // namespace

LineEditor::LineEditor()
    : on_terminal_(::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1) {
  const char* const term = std::getenv("TERM");
  if (!on_terminal_ || term == nullptr || std::strcmp(term, "dumb") == 0) return;
  expect_utf8();
  libedit_ = std::make_unique<Libedit>();
  if (!libedit_->works()) libedit_.reset();
}

LineEditor::~LineEditor() = default;

bool LineEditor::read(std::string& line) {
  line.clear();
  if (std::fflush(stdout) != 0) return false;
  return libedit_ != nullptr ? libedit_->read(line) : read_plainly(line);
}

bool LineEditor::read_plainly(std::string& line) const {
  if (on_terminal_) return read_at_terminal(line);
  int symbol = 0;
  while ((symbol = std::getchar()) != EOF && symbol != '\n') line += static_cast<char>(symbol);
  return symbol != EOF || !line.empty();
}

}  // namespace generate
