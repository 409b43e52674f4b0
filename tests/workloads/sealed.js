// SPDX-License-Identifier: BSD-2-Clause
// sealed.js PORT COUNT - what sealed.c does, in Node, which has OpenSSL inside and carries the ciphertext itself.
'use strict';
const tls = require('tls'), readline = require('readline');
const [port, count] = process.argv.slice(2).map(Number);
console.log('ready {}');
const lines = readline.createInterface({input: process.stdin});
const say = (s, text) => new Promise(done => { s.once('data', done); s.write(text); });
async function ask() {
  const s = tls.connect({port, host: '127.0.0.1', rejectUnauthorized: false});
  await new Promise(done => s.once('secureConnect', done));
  await say(s, '*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$6\r\nsealed\r\n');
  await say(s, '*3\r\n$3\r\nSET\r\n$5\r\na key\r\n$26\r\na value no report may show\r\n');
  await say(s, '*2\r\n$3\r\nGET\r\n$5\r\na key\r\n');
  await new Promise(done => { s.once('close', done); s.end(); });
}
let left = count;
lines.on('line', async () => { await ask(); console.log('asked'); if (!--left) console.log('done'); });
