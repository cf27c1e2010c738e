// Where the binary is that came with this package.
import { createRequire } from 'node:module';

/** The path of the binary: `ELASTIMOCK_BINARY` if that is set, else the one that npm installed. */
export function binary() {
  if (process.env.ELASTIMOCK_BINARY) return process.env.ELASTIMOCK_BINARY;
  const platform = `${process.platform}-${process.arch}`;
  const file = process.platform === 'win32' ? 'elastimock.exe' : 'elastimock';
  try {
    return createRequire(import.meta.url).resolve(`@elastimock/${platform}/bin/${file}`);
  } catch {
    throw new Error(
      `@elastimock/${platform} is not installed. If there is such a package, install without --omit=optional; ` +
        'else build the binary with `cargo install elastimock --features cli` and set ELASTIMOCK_BINARY to its path',
    );
  }
}
