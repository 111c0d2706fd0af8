import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { bringsKey, takeKey } from './session/key';
import './style/tokens.css';
import './style/base.css';
import './style/layout.css';
import './style/parts.css';

const place = document.getElementById('root');
if (!place) throw new Error('The page has no place to be drawn in.');

const show = (address: string): void => history.replaceState(null, '', address);
const key = takeKey(location, sessionStorage, show);
// A link with a key may be followed in a tab where the page stands already: begin anew with that key.
addEventListener('hashchange', () => {
  if (bringsKey(location)) {
    takeKey(location, sessionStorage, show);
    location.reload();
  }
});

createRoot(place).render(
  <StrictMode>
    <App initialKey={key} />
  </StrictMode>,
);
