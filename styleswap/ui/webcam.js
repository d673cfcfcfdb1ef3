// The webcam's stream in the browser: the body of a function of Gradio's HTML component.
// Given: element, props, trigger, watch. Its words come from webcam.py; see live.py for the route.

const part = (name) => element.querySelector(`.live-${name}`);
const canvas = part('canvas'), paper = canvas.getContext('2d', {alpha: false});
const capture = document.createElement('canvas');
const ink = capture.getContext('2d', {alpha: false, willReadFrequently: true});
const video = Object.assign(document.createElement('video'), {muted: true, playsInline: true});

const LEAST_AHEAD = 2, MOST_AHEAD = 6;  // frames on their way at once
const PATIENCE = 4000;  // ms without an answer until the connection counts as lost
const LONGEST_WAIT = 30000;  // ms that one answer may take: others may be at long work
const WAIT = 1000;      // ms between two questions for a place
const NOTED = 4000;     // ms that a complaint of the server stays
const SLOW = 10;        // fewer frames a second are announced
const LONGEST_FILM = 10 * 60;  // s

// What tests and benchmarks read.
const live = canvas.live = {state: 'idle', drawn: 0, delays: [], facts: {}, sent: 0, ahead: LEAST_AHEAD};

let run = 0;  // answers to an earlier run are dropped
let camera = null, chosen = '', box = [];
let fresh = 0, busy = false, flying = 0, latest = 0, pause = 0;
let answered = 0, renewing = false, trips = [], note = '', place = 0;
let recorder = null, pieces = [], since = 0;
let line = 0.5, original = null, newest = null;
let ticked = 0, counted = 0, rate = 0;

const settings = () => props.value.settings;
const trained = () => props.kinds[props.value.method] === 'trained';
// Each style takes its share of what those before it left, as `weighted` in styles.py has it.
const mixed = (styles) => styles.filter(([name]) => name).reduce((mix, [name, share]) =>
  [...mix.map(([n, w]) => [n, w * (1 - share)]), [name, mix.length ? share : 1]], []);
const look = () => JSON.stringify({...props.value, styles: mixed(props.value.styles.map(
  ([name, share], i) => [trained() ? name : props.pictures[i], share]))});
const address = () => {
  const root = (window.gradio_config?.root || document.baseURI).replace(/\/$/, '');
  return `${root}${props.path}?look=${encodeURIComponent(look())}`;
};
const away = () => document.hidden || element.offsetParent === null;
const fill = (words, values) => words.replace(/\{(\w+)\}/g, (_, name) => values[name]);

// --- what the person sees ---

function say(words, fine = '') {
  const html = `<p>${words}</p><p class="fine">${fine}</p>`;
  if (part('status').innerHTML !== html) part('status').innerHTML = html;
}

function become(state, words) {
  Object.assign(live, {state, why: words});
  const on = state === 'running' || state === 'asking';
  part('go').innerHTML = props.texts[on ? 'stop' : state === 'failed' ? 'retry' : 'start'];
  part('go').classList.toggle('live-stop', on);
  for (const name of ['snapshot', 'record']) part(name).disabled = state !== 'running';
  // Figures that change twice a second are not for reading aloud.
  part('status').setAttribute('aria-live', state === 'running' ? 'off' : 'polite');
  say(props.texts[words || state]);
}

function tell() {
  const now = performance.now();
  rate = 1000 * (live.drawn - counted) / (now - ticked);
  ticked = now; counted = live.drawn;
  if (live.state !== 'running') return;
  if (place) return say(fill(props.texts.queue, {place}));
  if (!live.drawn) return say(props.texts.first);
  const delay = [...live.delays].sort((a, b) => a - b)[live.delays.length >> 1] || 0;
  const size = (live.facts.size || []).join(' × ');
  const words = fill(props.texts.running, {rate: Math.round(rate), delay: Math.round(delay)});
  // What the server expects, before it comes to that; and what comes while it does other work.
  const pace = Math.round(Math.min(live.facts.rate || rate, live.drawn > 20 ? rate : Infinity));
  const least = Math.max(...(live.facts.size || [0])) <= props.least;
  const kind = pace >= SLOW ? 'painted' : least ? 'slowest' : 'slow';
  const fine = note || fill(props.texts[kind], {rate: pace, size});
  say(words, recorder ? `${fill(props.texts.recording, {time: clock()})} ${fine}` : fine);
}

const clock = () => {
  const seconds = Math.floor((performance.now() - since) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
};

function draw(bitmap, before) {
  const {width, height} = bitmap;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  paper.drawImage(bitmap, 0, 0);
  if (before) {
    const x = Math.round(line * width);
    if (x) paper.drawImage(before, 0, 0, x, height, 0, 0, x, height);
    paper.fillStyle = '#fff';
    paper.fillRect(x - 1, 0, 2, height);
  }
}

// --- frames ---

function film(mine) {
  const filmed = (now, data) => {
    if (mine !== run) return;
    fresh = data?.captureTime || performance.now();
    pump();
    film(mine);
  };
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(filmed);
  else requestAnimationFrame(() => filmed());
}

function pump() {
  if (live.state !== 'running' || busy || !fresh || flying >= live.ahead || away()) return;
  if (!element.isConnected) return stop();
  if (performance.now() >= pause && video.videoWidth) send();
}

// What the camera sees now, of the size that the server is sent.
function grab(into, ink) {
  const shrink = Math.min(1, box[0] / Math.max(video.videoWidth, video.videoHeight));
  const width = Math.round(video.videoWidth * shrink), height = Math.round(video.videoHeight * shrink);
  if (into.width !== width || into.height !== height) Object.assign(into, {width, height});
  ink.setTransform(settings().mirror ? -1 : 1, 0, 0, 1, settings().mirror ? width : 0, 0);
  ink.drawImage(video, 0, 0, width, height);
  ink.resetTransform();
}

async function send() {
  const mine = run, when = fresh, seq = ++live.sent;
  busy = true; fresh = 0;
  grab(capture, ink);
  const [data, before] = await Promise.all([
    new Promise((done) => capture.toBlob(done, 'image/jpeg', 0.85)),
    settings().split ? createImageBitmap(capture) : null]);
  busy = false;
  if (mine !== run) return;
  flying++;
  pump();
  const began = performance.now();
  try {
    const answer = await fetch(address(), {method: 'POST', body: data,
      signal: AbortSignal.timeout(LONGEST_WAIT),
      headers: {'Content-Type': data.type, [props.headers.ticket]: props.ticket || ''}});
    const found = answer.status === 200 ? await createImageBitmap(await answer.blob())
      : answer.status === 204 ? null : await answer.json();
    if (mine !== run) return;
    answered = performance.now();
    place = answer.status === 202 ? found.place : 0;
    if (place) pause = answered + WAIT;
    else if (answer.status === 403) renew();
    else if (answer.status >= 400) complain(found.error);
    else if (found) {
      live.facts = JSON.parse(answer.headers.get(props.headers.facts));
      pace(answered - began);
      if (seq > latest) {
        latest = seq;
        draw(found, before);
        for (const old of [newest, original]) old?.close();
        newest = found; original = before;
        live.drawn++;
        live.delays = [...live.delays.slice(-60), performance.now() - when];
      } else {
        found.close();
      }
    }
  } catch (error) {
    if (mine !== run) return;
    pause = performance.now() + 300;
    if (performance.now() - answered > PATIENCE) fail('lost');
  } finally {
    if (mine === run) { flying--; pump(); }
  }
}

// As many frames on their way as keep the painter busy over this distance, and no more.
function pace(trip) {
  trips = [...trips.slice(-30), trip];
  const ahead = Math.ceil(Math.min(...trips) / Math.max(1, live.facts.ms));
  live.ahead = Math.min(MOST_AHEAD, Math.max(LEAST_AHEAD, ahead));
}

function complain(sentence) {
  const words = document.createElement('span');
  words.textContent = sentence || '';
  note = words.outerHTML;
  setTimeout(() => { note = ''; }, NOTED);
  pause = performance.now() + 500;
}

// --- beginning and end ---

function renew() {
  pause = Infinity;
  if (renewing) return;
  renewing = true;
  const mine = run;
  trigger('enter');
  setTimeout(() => { if (mine === run && renewing) fail('lost'); }, 2 * PATIENCE);
}

watch('ticket', () => {
  renewing = false; pause = 0; answered = performance.now();
  pump();
});

async function start() {
  const mine = ++run;
  close();
  become('asking');
  if (!navigator.mediaDevices?.getUserMedia) return fail('insecure');
  const size = settings().size;
  box = size === 'auto' ? props.camera : size.split('x').map(Number);
  // Painting smaller than this does not make the camera's picture smaller.
  box = box.map((side, i) => Math.max(side, props.camera[i]));
  const wish = {width: {ideal: box[0]}, height: {ideal: box[1]}, frameRate: {ideal: 60}};
  if (chosen) wish.deviceId = {exact: chosen};
  try {
    const found = await navigator.mediaDevices.getUserMedia({video: wish, audio: false});
    if (mine !== run) return found.getTracks().forEach((track) => track.stop());
    camera = found;
    video.srcObject = found;
    await video.play();
  } catch (error) {
    if (mine !== run) return;
    const why = {NotAllowedError: 'refused', NotFoundError: 'missing', OverconstrainedError: 'missing',
      NotReadableError: 'taken'};
    return fail(why[error.name] || 'taken');
  }
  if (mine !== run) return;
  camera.getTracks()[0].onended = () => fail('missing');
  cameras();
  Object.assign(live, {drawn: 0, delays: [], facts: {}, ahead: LEAST_AHEAD});
  flying = latest = live.sent = pause = place = counted = 0;
  ticked = answered = performance.now();
  note = ''; trips = []; busy = renewing = false;
  become('running', 'first');
  if (!props.ticket) renew();
  film(mine);
}

function close() {
  if (recorder) recorder.stop();
  camera?.getTracks().forEach((track) => { track.onended = null; track.stop(); });
  camera = video.srcObject = null;
}

function stop() {
  run++;
  close();
  become('idle', live.drawn ? 'stopped' : 'idle');
}

function fail(why) {
  run++;
  close();
  become('failed', why);
}

async function cameras() {
  const found = (await navigator.mediaDevices.enumerateDevices()).filter((d) => d.kind === 'videoinput');
  const list = part('camera'), now = camera?.getVideoTracks()[0]?.getSettings().deviceId;
  list.replaceChildren(...found.map((d, i) => new Option(d.label || `${i + 1}`, d.deviceId, false, d.deviceId === now)));
  part('cameras').hidden = found.length < 2;
}

// --- keeping what is seen ---

function keep(blob, suffix) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = `webcam-${trained() ? props.value.styles[0][0] : props.value.method}.${suffix}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// Painted once more at full size, which what is seen need not be; no line where the original ends.
async function snapshot() {
  const mine = run, still = document.createElement('canvas'), ink = still.getContext('2d', {alpha: false});
  grab(still, ink);
  part('snapshot').disabled = true;
  try {
    const data = await new Promise((done) => still.toBlob(done, 'image/jpeg', 0.95));
    const answer = await fetch(`${address()}&still=1`, {method: 'POST', body: data,
      signal: AbortSignal.timeout(LONGEST_WAIT),
      headers: {'Content-Type': data.type, [props.headers.ticket]: props.ticket || ''}});
    if (answer.status !== 200) return complain((await answer.json()).error);
    const painted = await createImageBitmap(await answer.blob());
    const x = settings().split ? Math.round(line * still.width) : 0;
    const rest = [x, 0, still.width - x, still.height];
    if (rest[2]) ink.drawImage(painted, ...rest, ...rest);
    still.toBlob((blob) => keep(blob, 'png'), 'image/png');
  } catch (error) {
    complain(props.texts.nosnapshot);
  } finally {
    if (mine === run) part('snapshot').disabled = live.state !== 'running';
  }
}

function record() {
  if (recorder) return recorder.stop();
  const kinds = ['video/mp4;codecs=avc1.42E01F', 'video/webm;codecs=vp9', 'video/webm;codecs=vp8', 'video/webm'];
  const mimeType = window.MediaRecorder && kinds.find((kind) => MediaRecorder.isTypeSupported(kind));
  if (!mimeType) return (note = props.texts.norecord);
  pieces = []; since = performance.now();
  const made = recorder = new MediaRecorder(canvas.captureStream(), {mimeType, videoBitsPerSecond: 6e6});
  made.ondataavailable = (event) => pieces.push(event.data);
  made.onstop = () => {
    recorder = null;
    part('record').innerHTML = props.texts.record;
    keep(new Blob(pieces, {type: mimeType.split(';')[0]}), mimeType.includes('mp4') ? 'mp4' : 'webm');
    pieces = [];
  };
  made.start(1000);
  setTimeout(() => { if (recorder === made) made.stop(); }, 1000 * LONGEST_FILM);
  part('record').innerHTML = props.texts.recordend;
}

part('go').onclick = () => ['running', 'asking'].includes(live.state) ? stop() : start();
part('snapshot').onclick = snapshot;
part('record').onclick = record;
part('camera').onchange = (event) => { chosen = event.target.value; start(); };
part('line').oninput = (event) => {
  line = event.target.value / 100;
  if (newest && original) draw(newest, original);
};
canvas.onpointerdown = canvas.onpointermove = (event) => {
  if (!event.buttons || !settings().split) return;
  const bounds = canvas.getBoundingClientRect();
  const shown = Math.min(bounds.width, bounds.height * canvas.width / canvas.height);
  const x = (event.clientX - bounds.left - (bounds.width - shown) / 2) / shown;
  part('line').value = 100 * Math.min(1, Math.max(0, x));
  part('line').dispatchEvent(new Event('input'));
};
document.addEventListener('visibilitychange', pump);
let shape = settings().size;
watch('value', () => {
  part('line').hidden = !settings().split;
  if (settings().size !== shape && live.state === 'running') start();
  shape = settings().size;
});
setInterval(tell, 500);

// Until there is a camera: what it will look like.
const poster = new Image();
poster.onload = () => {
  if (live.drawn) return;
  paper.filter = 'brightness(0.55)';
  paper.drawImage(poster, 0, 0, canvas.width, canvas.height);
  paper.filter = 'none';
};
if (props.poster) poster.src = props.poster;

// A page that is loaded anew, by Gradio after a lost connection or by the person, goes on here.
window.addEventListener('pagehide', () => {
  const now = ['running', 'lost'].find((state) => state === live.state || state === live.why);
  if (now) sessionStorage.setItem('webcam', now);
});
const before = sessionStorage.getItem('webcam');
sessionStorage.removeItem('webcam');
become('idle');
if (before === 'running') start();
if (before === 'lost') fail('lost');
