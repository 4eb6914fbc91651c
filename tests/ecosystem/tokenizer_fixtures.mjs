// SPDX-License-Identifier: MIT
// tokenizer_fixtures.mjs PACKAGE_FOLDER OCTAVO_TOKENS REFERENCE_FOLDER: writes small files of tokenizers of
// the Llama family, and tokens and texts by Hugging Face's Rust library (@anush008/tokenizers 0.6.0),
// which tests/interop/family_tokenizers_test.cpp reads. The vocabularies are learned from a few words;
// REFERENCE_FOLDER has sentence_piece.model (sentence_piece.py --fixture).
import {execFileSync} from "node:child_process";
import {copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync} from "node:fs";
import {createRequire} from "node:module";
import {tmpdir} from "node:os";
import {join, resolve} from "node:path";
import {pathToFileURL} from "node:url";

const [packages, program, reference] = process.argv.slice(2);
const {Tokenizer} = createRequire(pathToFileURL(resolve(packages, "package.json")))("@anush008/tokenizers");
const scratch = mkdtempSync(join(tmpdir(), "octavo-fixtures-"));
const read = (...names) => JSON.parse(readFileSync(join(...names), "utf8"));

const words = "the the the cat Cat CATS and AND don't I'll we're 2024 12345 3.14 größe größe café 中文 中文字 " +
  "мир мир hello hello world World {\"key\": 1} // a/b the cat and the world ";
writeFileSync(join(scratch, "text"), (words + "\n\n  " + words + "\t").repeat(3));
execFileSync(program, ["bpe", join(scratch, "text"), "330", join(scratch, "learned")]);
const learned = read(scratch, "learned", "tokenizer.json");
const size = Object.keys(learned.model.vocab).length;
delete learned.model.vocab["<|endoftext|>"];
const copy = (value) => JSON.parse(JSON.stringify(value));

const byteLevel = (pattern) => ({type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: pattern});
const split = (pattern) => ({type: "Sequence", pretokenizers: [
  {type: "Split", pattern: {Regex: pattern}, behavior: "Isolated", invert: false}, byteLevel(false)]});
const llama3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" +
  "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const tekken = "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|" +
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|" +
  "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const added = (id, content, fields) => ({id, content, single_word: false, lstrip: false, rstrip: false,
  normalized: false, special: true, ...fields});
const template = (content, id) => ({type: "TemplateProcessing",
  single: [{SpecialToken: {id: content, type_id: 0}}, {Sequence: {id: "A", type_id: 0}}],
  pair: [{Sequence: {id: "A", type_id: 0}}, {Sequence: {id: "B", type_id: 1}}],
  special_tokens: {[content]: {id: content, ids: [id], tokens: [content]}}});

const families = {
  llama3: (json) => {
    json.pre_tokenizer = split(llama3);
    json.model.ignore_merges = true;
    json.model.merges.splice(-6);  // the last tokens are then only whole pieces
    json.added_tokens = [added(size - 1, "<|begin_of_text|>"), added(size, "<|eot_id|>")];
    json.post_processor = {type: "Sequence", processors: [byteLevel(true), template("<|begin_of_text|>", size - 1)]};
  },
  qwen2: (json) => {
    json.normalizer = {type: "NFC"};
    json.pre_tokenizer = split(llama3.replace("{1,3}", ""));
    json.added_tokens = [added(size - 1, "<|endoftext|>"), added(size, "<ё>", {normalized: true, special: false}),
      added(size + 1, "<|x|>", {single_word: true, lstrip: true, special: false}),
      added(size + 2, "<|y|>", {rstrip: true})];
  },
  smollm: (json) => {
    json.pre_tokenizer = {type: "Sequence", pretokenizers: [{type: "Digits", individual_digits: true}, byteLevel(true)]};
    json.added_tokens = [added(size - 1, "<|im_start|>")];
  },
  tekken: (json) => {
    json.pre_tokenizer = split(tekken);
    json.added_tokens = [added(size - 1, "<s>"), added(size, "[INST]")];
    json.post_processor = template("<s>", size - 1);
  },
};

mkdirSync(join(scratch, "pieces"));
copyFileSync(join(reference, "sentence_piece.model"), join(scratch, "pieces", "tokenizer.model"));
execFileSync(program, ["save", join(scratch, "pieces"), join(scratch, "legacy")]);
const pieces = read(scratch, "legacy", "tokenizer.json");
const replace = {type: "Replace", pattern: {String: " "}, content: "▁"};
const piecesWith = (change) => {
  const json = copy(pieces);
  change(json);
  return json;
};
const files = {
  ...Object.fromEntries(Object.entries(families).map(([name, change]) => {
    const json = copy(learned);
    change(json);
    return [name, json];
  })),
  llama2: piecesWith((json) => {
    json.normalizer = {type: "Sequence", normalizers: [{type: "Prepend", prepend: "▁"}, replace]};
    json.pre_tokenizer = null;
    json.added_tokens.push(added(Object.keys(json.model.vocab).length, "<m>", {normalized: true, special: false}));
  }),
  gemma: piecesWith((json) => {
    json.normalizer = replace;
    json.pre_tokenizer = {type: "Split", pattern: {String: " "}, behavior: "MergedWithPrevious", invert: false};
    json.decoder.decoders = json.decoder.decoders.slice(0, 3);
    json.post_processor = template("<s>", 1);
  }),
  metaspace: piecesWith((json) => {
    json.normalizer = null;
    json.pre_tokenizer = {type: "Metaspace", replacement: "▁", prepend_scheme: "first", split: false};
  }),
};

const texts = ["", " ", "the cat and the world", "  the  CATS don't I'LL 12345\n\n\t x", "CamelCase HTTPServer/\n/",
  "cafe\u0301 größe \u212b \u1100\u1161\u11a8 \u0958", "中文字 мир 3.14 ½ Ⅷ ٣٤", "😀 👩‍👩‍👧 \u200b\ufeff", "'\u017f 'S 's'T",
  "a  1  22   333    4444", "!\r\n ?/ \u3000 \u0085x", "▁the▁▁", "aaaaaaaaaaaaa          ===", "\u0301AB\u0301c",
  "<|begin_of_text|>the<|eot_id|> the", "x<|x|> <|x|>y <|x|> z", "a <|y|>  b", "<е\u0308><ё> ё", "[INST] the [/INST]</s>",
  "<s> the</s>the<s>", "a<m>the <m> b", "\0\u0001\u007f", "{\"key\": [1, 22, 333]}", "<unk><0x0A>\n"];
for (const [name, json] of Object.entries(files)) {
  const file = join(scratch, "tokenizer.json");
  writeFileSync(file, JSON.stringify(json));
  const tokenizer = Tokenizer.fromFile(file);
  const found = [];
  for (const text of texts) {
    const ids = [...(await tokenizer.encode(text, null, {addSpecialTokens: false})).getIds()];
    found.push({text, ids, back: await tokenizer.decode(ids, true)});
  }
  const lines = found.map((one) => JSON.stringify(one)).join(",\n");
  writeFileSync(join(reference, `${name}.json`), `{"tokenizer": ${JSON.stringify(json)},\n"texts": [\n${lines}]}\n`);
}
