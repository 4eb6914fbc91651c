// SPDX-License-Identifier: MIT
// generate --interactive, from a pipe and at a terminal.
#include <string>

#include <doctest/doctest.h>

#include "examples/generating.hpp"
#include "examples/typist.hpp"

using namespace generating;

namespace {

Words conversing(const std::string& options) {
  return words_of("generate " + model + " --interactive --threads 1 --temperature 0 " + options);
}

}  // namespace

TEST_CASE("a conversation is the same from a pipe, and survives what it does not understand") {
  const Sandbox sandbox;
  train(sandbox, "--no-unknown");
  const auto converse = [&](const std::string& input) {
    return text_of(sandbox,
                   words_of("generate " + model +
                            " --interactive --threads 1 --tokens 3 "
                            "--temperature 0"),
                   {.input = input});
  };
  // Neither greeting nor prompt: nobody would read them.
  CHECK(converse("") == "");
  CHECK(converse("/quit\nTo be\n") == "");
  for (const char* leave : {"/exit\n", "/bye\n"}) CHECK(converse(leave + std::string("T\n")) == "");
  CHECK(converse("\n/quit\n").size() == 4);
  CHECK(converse("To be") == converse("To be\n"));
  struct Row {
    std::string input, reply;
  };
  const std::string whole = "expected a whole number from ";
  for (const Row& row : {
           Row{"/temp", "/temp: got '', expected a number, 0 or more"},
           Row{"/temp x", "/temp: got 'x', expected a number, 0 or more"},
           Row{"/temp -1", "/temp: got '-1', expected a number, 0 or more"},
           Row{"/temp nan", "/temp: got 'nan', expected a number, 0 or more"},
           Row{"/temp  1", "/temp: got ' 1', expected a number, 0 or more"},
           Row{"/temp 1 ", "/temp: got '1 ', expected a number, 0 or more"},
           Row{"/topk -1", "/topk: got '-1', " + whole + "0 to 2147483647"},
           Row{"/topk 1.5", "/topk: got '1.5', " + whole + "0 to 2147483647"},
           Row{"/topp 0", "/topp: got '0', expected more than 0, at most 1"},
           Row{"/topp 1.1", "/topp: got '1.1', expected more than 0, at most 1"},
           Row{"/minp 2", "/minp: got '2', expected 0 to 1"},
           Row{"/rep 0", "/rep: got '0', expected a number > 0"},
           Row{"/len 0", "/len: got '0', " + whole + "1 to 2147483647"},
           Row{"/len 1e3", "/len: got '1e3', " + whole + "1 to 2147483647"},
           Row{"/", "unknown command '/'; try /help"},
           Row{"/Quit", "unknown command '/Quit'; try /help"},
           Row{"/\x1b[31m\r", "unknown command '/\\x1b[31m\\x0d'; try /help"},
           Row{"\x1b[31m",
               "prompt: byte 0: '\\x1b' is not among the 34 symbols of this vocabulary"},
       }) {
    INFO(row.input);
    CHECK(converse(row.input + "\n") == row.reply + "\n");
  }
  const std::string changed = converse(
      "/temp 0\n/topk 1\n/topp 0.5\n/len 9\nTo\n/seed 77\n/stop be\n/stop a\\nb\n/window "
      "5\n/help\n");
  CHECK(changed.starts_with("To"));
  for (const char* line :
       {"/temp X            temperature, 0 is greedy (0)\n",
        "/topk N            the N likeliest only, 0 is all (1)\n", "(0.5)\n/minp X ",
        "/len N             tokens to write (9)\n", "each reply has the next one (77)\n",
        "(2 texts)\n", "(off)\n", "-1 is all (5)\n"}) {
    INFO(line);
    CHECK(changed.find(line) != std::string::npos);
  }
}

TEST_CASE("a conversation's settings are those of the command line, by both of their names") {
  const Sandbox sandbox;
  train(sandbox);
  const auto converse = [&](const std::string& input) {
    return text_of(sandbox,
                   words_of("generate " + model + " --interactive --threads 1 --tokens 30"),
                   {.input = input});
  };
  const auto alone = [&](const std::string& options) {
    return text_of(sandbox, written("--tokens 30 " + options));
  };
  CHECK(converse("To be\nTo be\n") == alone("") + alone("--seed 2"));
  CHECK(converse("/seed 9\nTo be\n") == alone("--seed 9"));
  for (const char* name : {"temp", "temperature"}) {
    CHECK(converse("/" + std::string(name) + " 2\nTo be\n") == alone("--temperature 2"));
  }
  for (const char* name : {"topk", "top-k", "top_k"}) {
    CHECK(converse("/" + std::string(name) + " 3\nTo be\n") == alone("--top-k 3"));
  }
  CHECK(converse("/rep 3\n/window 4\nTo be\n") ==
        alone("--repetition-penalty 3 --repetition-window 4"));
  CHECK(converse("/stop p\nTo b\n") != converse("To b\n"));
  CHECK(converse("/stop p\n/stop\nTo b\n") == converse("To b\n"));
  CHECK(converse("/stop \\n\nTo be\n").find('\n') == converse("/stop \\n\nTo be\n").size() - 1);
  const Outcome slash =
      start(sandbox, conversing("--tokens 3"), {.input = "//quit\n"});  // "/" is not known
  CHECK(slash.out.starts_with("/quit"));
  CHECK(converse("/special maybe\n") == "/special: got 'maybe', expected on or off\n");
}

namespace {

/// The keys' names, for a terminal of the kind xterm.
const std::string up = "\x1bOA", left = "\x1bOD";

bool edits_lines(const Sandbox& sandbox) {
  Typist typist(sandbox, conversing("--tokens 1"));
  typist.until("> ");
  typist.type("\x01");  // Ctrl-A, which a line that nobody edits would show
  typist.type("x\r");
  typist.until("\n");
  typist.type("/quit\r");
  typist.status();
  if (typist.screen().find("^A") == std::string::npos) return true;
  MESSAGE("built without libedit: keys are not tried");
  return false;
}

}  // namespace

TEST_CASE("at a terminal there is a prompt; Ctrl-C ends a text, and on an empty line the program") {
  const Sandbox sandbox;
  train(sandbox);
  for (const char* term : {"xterm", "dumb"}) {
    CAPTURE(term);
    Typist typist(sandbox, conversing("--tokens 2000000000"), term);
    CHECK(typist.until("> ").find("/help") != std::string::npos);
    typist.type("To be\r");
    typist.until("\n");
    typist.until("To be");  // it writes
    typist.type("\x03");
    typist.until("> ");
    typist.type("/help\r");
    CHECK(typist.until("Ctrl-C").find("/seed N") != std::string::npos);
    typist.until("> ");
    typist.type("\x03");
    CHECK(typist.status() == 0);
    CHECK(typist.screen().find("generate: read 5 tokens") != std::string::npos);
  }
}

TEST_CASE("Ctrl-D on an empty line ends a conversation") {
  const Sandbox sandbox;
  train(sandbox);
  for (const char* term : {"xterm", "dumb"}) {
    Typist typist(sandbox, conversing("--tokens 3 --no-timings"), term);
    typist.until("> ");
    typist.type("To be\r");
    typist.until("> ");
    typist.type("\x04");
    CHECK(typist.status() == 0);
    CHECK(typist.screen().find("generate: ") == std::string::npos);
  }
}

TEST_CASE("a typed line is edited, and comes again by the arrow keys") {
  const Sandbox sandbox;
  write_file(sandbox, "text", [] {
    std::string text;
    for (int i = 0; i < 60; ++i) text += "\xc3\xa9tat abcd xy. ";
    return text;
  }());
  check_error(start(sandbox, micro("--data text --out a")), 0, "");
  if (!edits_lines(sandbox)) return;
  Typist typist(sandbox, conversing("--tokens 0"));
  const auto echoed = [&](const std::string& keys) {
    typist.until("> ");
    typist.type(keys + "\r");
    typist.until("\n");
    std::string reply = typist.until("\r\n");
    reply.resize(reply.size() - 2);
    return reply;
  };
  CHECK(echoed("\xc3\xa9tat") == "\xc3\xa9tat");
  CHECK(echoed("\xc3\xa9\xc3\xa9\x7f"
               "t") == "\xc3\xa9t");  // rubbed out: one letter
  CHECK(echoed("bcd\x01"
               "a\x05.") == "abcd.");  // Ctrl-A, Ctrl-E
  CHECK(echoed("abcd xy\x17"
               "tat") == "abcd tat");   // Ctrl-W
  CHECK(echoed("abcd\x15xy") == "xy");  // Ctrl-U
  CHECK(echoed("ad" + left + "bc") == "abcd");
  CHECK(echoed(up) == "abcd");
  CHECK(echoed(up + up) == "xy");
  typist.until("> ");
  typist.type("abcd\x03");  // Ctrl-C empties the line
  typist.until("^C");
  CHECK(echoed("xy") == "xy");
  typist.until("> ");
  typist.type("\x03");
  CHECK(typist.status() == 0);
}

TEST_CASE("a terminal gets no control characters and whole UTF-8 only; a file gets the text") {
  const Sandbox sandbox;
  const std::string title =
      "\x1b]0;title\x07 \xc2\x9b"
      "31m\x7f \r";
  write_file(sandbox, "text", [&] {
    std::string text;
    for (int i = 0; i < 60; ++i) text += title;
    return text;
  }());
  check_error(start(sandbox, micro("--data text --out a")), 0, "");
  const auto harmless = [](const std::string& screen) {
    for (std::size_t i = 0; i < screen.size(); ++i) {
      const auto byte = static_cast<unsigned char>(screen[i]);
      const bool line_end = byte == '\r' && i + 1 < screen.size() && screen[i + 1] == '\n';
      const bool c1 = byte == 0xc2 && static_cast<unsigned char>(screen[i + 1]) < 0xa0;
      if ((byte < 0x20 && byte != '\n' && !line_end) || byte == 0x7f || c1) return false;
    }
    return true;
  };
  for (const char* options : {"--tokens 300", "--tokens 300 --invalid-utf8 keep"}) {
    Typist typist(sandbox,
                  Words{"generate", model, "--prompt", "\xe6\xad" + title} +
                      words_of("--threads 1 --no-timings --temperature 2 " + std::string(options)));
    CHECK(typist.status() == 0);
    INFO(octavo::printable(typist.screen(), 2000));
    CHECK(harmless(typist.screen()));
    CHECK(typist.screen().find("\xEF\xBF\xBD\\x1b]0;title\\x07 \\xc2\\x9b") != std::string::npos);
  }
  CHECK(text_of(sandbox, written("--tokens 0", title)) == title + "\n");
}
