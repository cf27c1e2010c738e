// Reaches a mock that speaks TLS as Elastic's official client does: tls.mjs FOLDER URL CA FINGERPRINT.
// FOLDER is where the client is installed. By the certificate of its authority, by that certificate's fingerprint, and
// not at all without either.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const [folder, node, ca, caFingerprint] = process.argv.slice(2)
const { Client, HttpConnection, UndiciConnection } = createRequire(path.join(folder, 'package.json'))('@elastic/elasticsearch')

async function tagline(options) {
  const client = new Client({ node, maxRetries: 0, ...options })
  try {
    return (await client.info()).tagline
  } finally {
    await client.close()
  }
}

for (const Connection of [HttpConnection, UndiciConnection]) {
  const by = (options) => tagline({ Connection, ...options })
  assert.equal(await by({ tls: { ca: readFileSync(ca) } }), 'You Know, for Search')
  for (const written of [caFingerprint, caFingerprint.replaceAll(':', '').toLowerCase()]) {
    assert.equal(await by({ caFingerprint: written, tls: { rejectUnauthorized: false } }), 'You Know, for Search')
  }
  await assert.rejects(by({}), /self-signed certificate/)
  await assert.rejects(by({ caFingerprint: '00'.repeat(32), tls: { rejectUnauthorized: false } }), /fingerprint/)
}
