/** Styles are imported for their effect. */
declare module 'asciinema-player/dist/bundle/asciinema-player.css';
