// CRC32 of ASCII text, as zlib counts it. Pure.

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

export function crc32(text) {
  let sum = 0xffffffff;
  for (let at = 0; at < text.length; at += 1) sum = TABLE[(sum ^ text.charCodeAt(at)) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}
