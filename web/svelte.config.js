// Svelte runs in runes mode everywhere; in our own files a warning of its compiler is an error.
export default {
  compilerOptions: { runes: true },
  onwarn(warning) {
    if (!warning.filename?.includes('node_modules')) throw new Error(`${warning.filename}: ${warning.message}`);
  },
};
