// Names for instances that were given none: an adjective and an animal that builds or digs.

const adjectives =
  "able agile bold brave brisk calm clever cosy eager fair fleet fond gentle glad grand happy humble keen " +
  "kind light lively lucky merry mild neat nimble noble patient plain proud quick quiet rapid ready sharp shy sleek " +
  "smart solid spry steady sunny sure swift tidy warm wise witty";
const animals =
  "badger beaver bee bluetit bowerbird bumblebee chipmunk crow dipper dormouse finch fox gopher hamster hare " +
  "hedgehog heron hornet jackdaw jay kingfisher lark magpie marmot marten martin mole mouse muskrat nuthatch oriole " +
  "otter owl pika pipit puffin rabbit raven robin shrew sparrow squirrel stoat stork swallow swift tit vole wasp " +
  "weasel woodpecker wren";

/** A name such as `nimble-squirrel`. */
export function randomName(): string {
  const pick = (words: string) => {
    const list = words.split(" ");
    return list[Math.floor(Math.random() * list.length)];
  };
  return `${pick(adjectives)}-${pick(animals)}`;
}
