import Data.List (sort)
main :: IO ()
main = do
  let next x = (x * 75 + 74) `mod` 65537 :: Int
      ws = sort (map (('w' :) . show) (take 5000 (tail (iterate next 1))))
  putStrLn (head ws ++ " " ++ last ws ++ " " ++ show (length (concat ws)))
