// A call in other words: as a command, a stub, a scenario, as Rust.

const UNCOUNTED = ['host', 'connection', 'content-length', 'transfer-encoding', 'accept-encoding', 'authorization', 'cookie', 'user-agent', 'x-elastic-client-meta'];

/** Names and values of a header block. */
export function headersOf(block) {
  return (block || '').split('\n').filter(Boolean).map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1)];
  });
}

/** Headers that say something about a call and not about who makes it. */
function told(block) {
  return headersOf(block).filter(([name, value]) => !UNCOUNTED.includes(name) && !value.includes('<redacted>'));
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function jsonOf(text) {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return null;
  }
}

/** A raw string of Rust that holds any text. */
function raw(text) {
  let hashes = '#';
  while (text.includes(`"${hashes}`)) hashes += '#';
  return `r${hashes}"${text}"${hashes}`;
}

export function asCurl(call) {
  const method = call.m === 'HEAD' ? ' --head' : call.m === 'GET' && !call.q ? '' : ` -X ${call.m}`;
  const url = location.protocol === 'file:' ? '"${ELASTICSEARCH_URL:-http://127.0.0.1:9200}"' : quoted(location.origin);
  const headers = told(call.h[0]).map(([name, value]) => ` -H ${quoted(`${name}: ${value}`)}`).join('');
  return `curl -sS -g${method} ${url}${quoted(call.u)}${headers}${call.q ? ` --data-binary ${quoted(call.q)}` : ''}`;
}

export function asStub(call) {
  const request = call.op ? { operation: call.op } : { method: call.m, path: call.u.split('?')[0] };
  const [, kind, id] = /^(sync job|connector|index) (.*)$/s.exec(call.l) || [];
  if (call.op && kind) request[kind === 'sync job' ? 'job' : kind] = id;
  const body = call.a && jsonOf(call.a);
  const answer = [`"status": ${call.s}`];
  if (body) answer.push(`"body": ${body}`);
  return `{\n  "request": ${JSON.stringify(request)},\n  "response": { ${answer.join(', ')} }\n}`;
}

export function asScenario(call) {
  return `${call.m} ${call.u}${call.q ? `\n${call.q.trimEnd()}` : ''}`;
}

export function asRust(call) {
  const method = call.m[0] + call.m.slice(1).toLowerCase();
  const body = call.q ? (jsonOf(call.q) ? `\n    .json(${raw(call.q)})` : `\n    .with_body(${raw(call.q)})`) : '';
  return `use elastimock::{Method, Request};\n\nlet call = Request::new(Method::${method}, ${JSON.stringify(call.u)})${body};`;
}

/** Puts a text on the clipboard, and says so on the button. */
export async function copy(button, text) {
  const was = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without the right to the clipboard, as in a file, the old way.
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
    button.focus();
  }
  button.textContent = 'copied';
  setTimeout(() => { button.textContent = was; }, 1200);
}
