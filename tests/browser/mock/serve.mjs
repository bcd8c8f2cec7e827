// `node mock/serve.mjs [flood|quiet] [port]`: the page over a scripted scene, to look at by hand.
import { fileURLToPath } from 'node:url';
import { Mock } from './server.mjs';

const [scene = 'flood', port = '8080'] = process.argv.slice(2);
const dist = fileURLToPath(new URL('../../../crates/console/ui/dist', import.meta.url));
const mock = new Mock({ dist, scene });
console.log(await mock.listen(Number(port)), scene);
