// The page of the calls, in the browser: bundled and served by `calls page` and by npm start.
import { render } from 'preact';
import { App } from './app.tsx';

render(<App />, document.body);
