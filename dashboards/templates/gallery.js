// Shows one clip at a time, with or without the LLS 3 projections.
const clip = document.getElementById("clip"), projection = document.getElementById("projection");
clip.addEventListener("change", () => {
  for (const sound of document.querySelectorAll("audio")) sound.pause();
  for (const block of document.querySelectorAll(".clip")) block.hidden = block.dataset.clip !== clip.value;
});
if (projection) {
  const show = () => document.getElementById("listen").classList.toggle("show-projection", projection.checked);
  projection.addEventListener("change", show);
  show();
}
