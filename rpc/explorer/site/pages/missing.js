import { Page, Link, html } from "../ui.js";

export const Missing = () => html`
  <${Page} title="There is no such page">
    <p>Search above, or go to <${Link} to="">the beginning<//>.</p>
  <//>
`;
